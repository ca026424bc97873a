using KvStore.Core.Storage;
using KvStore.Tests.Simulation;
using Shouldly;

namespace KvStore.Tests.Storage;

/// <summary>An engine on a simulated disk, with everything small so that flushes and compactions happen often.</summary>
internal sealed class SimEngine : IDisposable
{
    public const string Directory = "/data/storage";

    public SimEngine(ulong seed, SimDisk? disk = null, StorageOptions? options = null, RecordingListener? listener = null)
    {
        Listener = listener ?? new RecordingListener();
        Disk = disk ?? new SimDisk(seed);
        Scheduler = new SimScheduler(seed);
        Engine = StorageEngine.Open(Disk, Directory, options ?? SmallOptions, Scheduler, Scheduler, Listener);
    }

    public static StorageOptions SmallOptions => new()
    {
        MemTableBytes = 48 << 10,
        TableBytes = 12 << 10,
        TableRecords = 150,
        BaseLevelBytes = 24 << 10,
        BlockCacheBytes = 256 << 10,
        Level0CompactionTables = 2,
        CompactionLanes = 2,
        CompactionBytesPerSecond = 0,
        ReservedSpaceBytes = 0,
        BallastBytes = 0,
        StepBytes = 2 << 10,
        PoisonFreedMemory = true,
    };

    public SimDisk Disk { get; }

    public SimScheduler Scheduler { get; }

    public RecordingListener Listener { get; }

    public StorageEngine Engine { get; }

    /// <summary>Closes the engine; whoever pinned something of it has let go by then.</summary>
    public void Dispose()
    {
        Engine.Dispose();
        Engine.Chunks.UsedBytes.ShouldBe(0, "memory that nobody gave back");
    }

    /// <summary>The process is gone: nothing of it runs any more, nothing reaches the disk. Only memory is given back.</summary>
    public void Abandon()
    {
        Disk.SwitchOff();
        Scheduler.Kill();
        Engine.Dispose();
    }
}
