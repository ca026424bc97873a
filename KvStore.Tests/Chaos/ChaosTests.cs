using System.Diagnostics;
using System.Globalization;
using KvStore.Tests.Chaos.Runs;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Chaos;

/// <summary>A short run of the chaos command; `./build.sh chaos` is the long one.</summary>
[TestFixture]
[NonParallelizable]
internal sealed class ChaosTests
{
    private const string SeedVariable = "KVD_CHAOS_SEED";
    private const int Seconds = 40;

    /// <summary>The kinds that say most in a short time. How long each lasts the seed decides.</summary>
    private static readonly ChaosFaultKind[] Kinds =
    [
        ChaosFaultKind.KillPrimary, ChaosFaultKind.IsolateFromPeers, ChaosFaultKind.PausePrimary, ChaosFaultKind.KillAll, ChaosFaultKind.Deafen, ChaosFaultKind.DiskFull,
    ];

    [Test]
    public void Real_processes_keep_their_promises_under_faults()
    {
        if (ChaosSandbox.Obstacle() is { } obstacle) Assert.Ignore(obstacle);
        var seed = Environment.GetEnvironmentVariable(SeedVariable) is { Length: > 0 } given ? given : "1";
        var arguments = string.Create(CultureInfo.InvariantCulture, $"--seconds {Seconds} --nodes 3 --seed {seed} --faults {string.Join(',', Kinds.Select(ChaosFault.NameOf))} --in-order");
        var (status, output) = Run(["chaos", .. arguments.Split(' ')]);
        TestContext.Out.WriteLine(output);
        status.ShouldBe(0, $"again: ./build.sh chaos {arguments}\n{output}");
        foreach (var kind in Kinds.Take(4)) output.ShouldContain($"FAULT {ChaosFault.NameOf(kind)}");
        output.TrimEnd().ShouldEndWith(" passed, 0 failed");
    }

    private static (int Status, string Output) Run(string[] arguments)
    {
        var program = Environment.ProcessPath!;
        string[] self = Path.GetFileNameWithoutExtension(program) == "dotnet" ? [typeof(ChaosTests).Assembly.Location] : [];
        var start = new ProcessStartInfo(program, [.. self, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, error.Result + output);
    }
}
