using KvStore.Tests.Chaos.Runs;
using KvStore.Tests.Simulation.Runs;
using Microsoft.Testing.Platform.Builder;

namespace KvStore.Tests;

/// <summary>`KvStore.Tests VERB ...` runs what is too long for a test; anything else goes to the test runner.</summary>
internal static class Program
{
    public static Task<int> Main(string[] args) => args switch
    {
        ["simulate", ..] => Task.FromResult(SimulateCommand.Run(args.AsSpan(1))),
        ["chaos", ..] => ChaosCommand.RunAsync(args[1..]),
        _ => RunTestsAsync(args),
    };

    private static async Task<int> RunTestsAsync(string[] args)
    {
        var builder = await TestApplication.CreateBuilderAsync(args);
        SelfRegisteredExtensions.AddSelfRegisteredExtensions(builder, args);
        using var tests = await builder.BuildAsync();
        return await tests.RunAsync();
    }
}
