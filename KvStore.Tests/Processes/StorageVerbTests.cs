using System.Diagnostics;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Processes;

/// <summary>`kvd storage inspect|verify` on the directory of a real node.</summary>
[TestFixture]
[NonParallelizable]
internal sealed class StorageVerbTests
{
    [TestCase("")]
    [TestCase("/etc")]
    public void What_is_no_data_directory_is_refused_with_64(string directory)
    {
        var refused = Kvd("storage", "inspect", directory);
        refused.ExitCode.ShouldBe(64, refused.ToString());
        refused.Error.ShouldContain("is not the data directory of a node");
    }

    [Test]
    public void A_stopped_store_is_described_damage_is_named_and_nothing_is_changed()
    {
        using var cluster = new KvdCluster(16);
        for (var i = 0; i < 40; i++) Kvctl.Run(cluster.Endpoints, "put", $"key {i}", new string('v', 1000), "--strong").ExitCode.ShouldBe(0);
        var node = cluster.Nodes[1];
        var directory = node.DataDirectory;
        var busy = Kvd("storage", "verify", directory);
        busy.ExitCode.ShouldBe(74, busy.ToString());
        busy.Error.ShouldContain("lock");

        node.Stop().ShouldBe(0);
        node.Start(cluster.Options); // what the first run wrote is in tables, what the second writes is in the log
        cluster.WaitUntilWritable();
        for (var i = 0; i < 40; i++) Kvctl.Run(cluster.Endpoints, "put", $"more {i}", "v", "--strong").ExitCode.ShouldBe(0);
        node.Kill();
        var before = Contents(directory);
        var report = Kvd("storage", "inspect", directory, "--json");
        report.ExitCode.ShouldBe(0, report.ToString());
        report.Json.GetProperty("node").GetString().ShouldBe("n2");
        report.Json.GetProperty("partitions").GetArrayLength().ShouldBe(16);
        report.Json.GetProperty("tables").GetArrayLength().ShouldBeGreaterThan(0);
        report.Json.GetProperty("log").GetProperty("segments").GetArrayLength().ShouldBeGreaterThan(0);
        Kvd("storage", "inspect", directory).Out.ShouldContain("PARTITION");
        var sound = Kvd("storage", "verify", directory);
        sound.ExitCode.ShouldBe(0, sound.ToString());

        foreach (var file in (string[])[Directory.GetFiles(Path.Combine(directory, "store"), "*.sst")[0], Directory.GetFiles(Path.Combine(directory, "wal"), "*.wal").Order().Last()])
        {
            // In the first data block of a table; in the states with which a segment starts.
            Flip(file, file.EndsWith(".sst", StringComparison.Ordinal) ? 100 : 4100);
            var damaged = Kvd("storage", "verify", directory, "--json");
            damaged.ExitCode.ShouldBe(70, damaged.ToString());
            damaged.Json.GetProperty("ok").GetBoolean().ShouldBeFalse();
            damaged.Json.GetProperty("problems").EnumerateArray().ShouldContain(problem => problem.GetProperty("file").GetString() == file);
            Kvd("storage", "verify", directory).Out.ShouldContain(file);
            Flip(file, file.EndsWith(".sst", StringComparison.Ordinal) ? 100 : 4100);
        }

        Contents(directory).ShouldBe(before);
        node.Start(cluster.Options);
        cluster.WaitUntilWritable();
    }

    [TestCase("wal")]
    [TestCase("store")]
    public void A_member_whose_log_or_store_is_gone_does_not_start_as_if_it_were_new(string part)
    {
        using var cluster = new KvdCluster(16);
        Kvctl.Run(cluster.Endpoints, "put", "key", "v", "--strong").ExitCode.ShouldBe(0);
        var node = cluster.Nodes[1];
        node.Stop().ShouldBe(0);
        var path = Path.Combine(node.DataDirectory, part);
        Directory.Move(path, path + ".away");
        for (var start = 0; start < 2; start++)
        {
            var refused = Kvd("run", "--data-dir", node.DataDirectory, "--listen", node.Endpoint, "--http", $"127.0.0.1:{node.HttpPort}", "--name", node.Name);
            refused.ExitCode.ShouldBe(70, refused.ToString());
            refused.Error.ShouldContain($"{path} is gone");
        }

        var verified = Kvd("storage", "verify", node.DataDirectory, "--json");
        verified.ExitCode.ShouldBe(70);
        verified.Json.GetProperty("problems")[0].GetProperty("file").GetString().ShouldBe(path);
        if (Directory.Exists(path)) Directory.Delete(path, recursive: true);
        Directory.Move(path + ".away", path);
        node.Start(cluster.Options);
        cluster.WaitUntilWritable();
    }

    [Test]
    public void What_is_no_data_directory_is_refused()
    {
        var result = Kvd("storage", "verify", Path.GetTempPath());
        result.ExitCode.ShouldBe(64);
        result.Error.ShouldContain("data_dir");
        Kvd("storage", "inspect").ExitCode.ShouldBe(64);
    }

    private static void Flip(string file, int offset)
    {
        using var stream = new FileStream(file, FileMode.Open);
        stream.Position = offset;
        var value = stream.ReadByte();
        stream.Position = offset;
        stream.WriteByte((byte)(value ^ 4));
    }

    private static List<string> Contents(string directory) =>
    [
        .. Directory.GetFiles(directory, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
            .Select(file => $"{file} {Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(file)))}"),
    ];

    private static CtlResult Kvd(params string[] arguments)
    {
        var start = new ProcessStartInfo(KvdBinary.Path) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return new CtlResult(process.ExitCode, output, error.Result);
    }
}
