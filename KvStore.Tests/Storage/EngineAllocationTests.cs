using KvStore.Core.Primitives;
using KvStore.Core.Storage;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Storage;

/// <summary>The steady state allocates nothing per operation.</summary>
public sealed class EngineAllocationTests
{
    private const int Operations = 20_000;
    private static readonly StorageOptions Options = new() { ReservedSpaceBytes = 0, BallastBytes = 0 };

    [Test]
    public void A_get_allocates_nothing_wherever_the_record_is([Values] bool inTables)
    {
        using var sim = new SimEngine(1, null, Options);
        var store = sim.Engine.CreatePartition(new PartitionId(1), "c"u8);
        var keys = Keys();
        for (ulong index = 1; index <= 1000; index++) Put(store, index, keys[index % 1000]);
        if (inTables) sim.Engine.FlushAll();
        Read(store, keys);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Read(store, keys);
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBe(0);
    }

    [Test]
    public void A_put_allocates_nothing([Values] bool overlay)
    {
        using var sim = new SimEngine(1, null, Options);
        var store = sim.Engine.CreatePartition(new PartitionId(1), "c"u8);
        var keys = Keys();
        for (ulong index = 1; index <= 100; index++) Put(store, index, keys[0]);
        store.OverlayPut(new LogIndex(101), keys[0], "v"u8, Records.Info(101));
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (ulong index = 101; index < 101 + Operations; index++)
        {
            if (overlay)
            {
                store.OverlayPut(new LogIndex(index), keys[index % 1000], keys[1], Records.Info(index));
                store.PublishOverlay(new LogIndex(index));
            }

            Put(store, index, keys[index % 1000]);
        }

        // A new arena, list and View now and then are not counted per operation; the overlay begins one every few hundred.
        ((double)(GC.GetAllocatedBytesForCurrentThread() - before) / Operations).ShouldBeLessThan(overlay ? 3 : 0.5);
    }

    private static byte[][] Keys() => [.. Enumerable.Range(0, 1000).Select(i => Records.Key($"key{i:D5}"))];

    private static void Put(PartitionStore store, ulong index, byte[] key)
    {
        store.Put(new LogIndex(index), key, key, Records.Info(index));
        store.Publish(Records.State(index));
    }

    private static void Read(PartitionStore store, byte[][] keys)
    {
        for (var i = 0; i < Operations; i++)
        {
            using var view = store.Pin();
            if (!view.TryGet(keys[i % 1000], true, out _, out _)) throw new InvalidOperationException("a record is missing");
        }
    }
}
