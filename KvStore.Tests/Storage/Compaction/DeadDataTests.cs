using System.Buffers;
using KvStore.Core.Primitives;
using KvStore.Core.Storage;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Storage.Compaction;

/// <summary>A generation that dies while it is being written to a table leaves nothing behind either.</summary>
public sealed class DeadDataTests
{
    [Test]
    public void What_was_being_flushed_when_a_snapshot_was_installed_is_given_up([Range(1, 8)] int seed)
    {
        using var sim = new SimEngine((ulong)seed);
        var store = sim.Engine.CreatePartition(new PartitionId(1), "c"u8);
        Fill(store, 1);
        sim.Engine.RequestFlush();
        InstallNothingWhileWriting(sim, store);
        TablesOf(sim).ShouldBeEmpty();
    }

    [Test]
    public void What_was_being_merged_when_a_snapshot_was_installed_is_given_up([Range(1, 8)] int seed)
    {
        using var sim = new SimEngine((ulong)seed);
        var store = sim.Engine.CreatePartition(new PartitionId(1), "c"u8);
        for (var round = 0ul; round < 2; round++)
        {
            Fill(store, 1 + (round * 40));
            sim.Engine.FlushAll();
        }

        InstallNothingWhileWriting(sim, store);
        TablesOf(sim).ShouldBeEmpty();
    }

    private static void InstallNothingWhileWriting(SimEngine sim, PartitionStore store)
    {
        var chunk = new ArrayBufferWriter<byte>();
        using (var export = sim.Engine.CreatePartition(new PartitionId(9), "c"u8).BeginExport()) export.Read(chunk, 1000).ShouldBeFalse();
        while (!sim.Disk.List(SimEngine.Directory).Any(name => name.EndsWith(".sst.tmp", StringComparison.Ordinal))) sim.Scheduler.RunOne().ShouldBeTrue();
        var ingest = store.BeginIngest(Records.State(500), "new"u8);
        ingest.Write(chunk.WrittenSpan);
        ingest.Install();
        sim.Scheduler.RunUntilIdle();
        sim.Listener.Failures.ShouldBeEmpty();
    }

    private static void Fill(PartitionStore store, ulong from)
    {
        for (var index = from; index < from + 40; index++) store.Put(index, $"key{index % 40}", new string('v', 500));
    }

    private static List<string> TablesOf(SimEngine sim) =>
        [.. sim.Disk.List(SimEngine.Directory).Where(name => name.Contains(".sst", StringComparison.Ordinal))];
}
