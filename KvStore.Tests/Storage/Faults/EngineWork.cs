using System.Buffers;
using KvStore.Core.Io;
using KvStore.Core.Primitives;
using KvStore.Core.Storage;
using KvStore.Tests.Simulation;
using Shouldly;

namespace KvStore.Tests.Storage.Faults;

/// <summary>
/// Everything that an engine does with its directory: flushes, compactions, a snapshot given up and one installed, a partition dropped, a full
/// disk, a manifest replaced, leftovers of crashes, a restart without space.
/// </summary>
internal sealed class EngineWork : FaultWork
{
    private const string Directory = SimEngine.Directory;
    private const long Reserve = 256 << 10;
    private const long BallastBytes = 128 << 10;
    private const ulong Entries = 70;
    private const int LargeConfigurations = 6;

    private static readonly StorageOptions Options = new()
    {
        MemTableBytes = 48 << 10,
        TableBytes = 12 << 10,
        BaseLevelBytes = 24 << 10,
        BlockCacheBytes = 256 << 10,
        Level0CompactionTables = 2,
        CompactionLanes = 2,
        CompactionBytesPerSecond = 0,
        ReservedSpaceBytes = Reserve,
        BallastBytes = BallastBytes,
        PoisonFreedMemory = true,
    };

    private readonly EngineModel[] _models = [.. Enumerable.Range(0, 4).Select(id => new EngineModel(new PartitionId((ushort)id)))];
    private readonly List<RecordingListener> _listeners = [];
    private readonly HashSet<PartitionId> _created = [];
    private readonly Dictionary<PartitionId, ulong> _durable = [];
    private SimEngine? _sim;
    private bool _isDropped;
    private ulong _installing;
    private bool _failsBallast;

    /// <summary>The last failure left writes refused for want of space; they resume by themselves.</summary>
    public bool LacksSpace => _sim?.Engine.Pressure == WritePressure.DiskFull;

    private EngineModel Dropped => _models[2];

    private EngineModel Target => _models[3];

    public override void CheckAfterPowerCut()
    {
        NoteDurable();
        if (_sim is not null) CheckReading();
        var after = Disk.Crash();
        after.CapacityBytes = long.MaxValue;
        _sim?.Abandon();
        _sim = null;
        Disk = after;
        using var sim = new SimEngine(9, Disk, Options);
        foreach (var id in _created) sim.Engine.Find(id).ShouldNotBeNull($"{id} was created");
        if (_isDropped) sim.Engine.Find(Dropped.Id).ShouldBeNull();
        foreach (var (id, index) in _durable.Where(state => _created.Contains(state.Key))) sim.Engine.Find(id)!.Durable.Index.Value.ShouldBeGreaterThanOrEqualTo(index);
        foreach (var store in sim.Engine.Partitions.Where(store => store.Id.Value < _models.Length)) Resume(sim, store);
        sim.Engine.FlushAll();
        sim.Scheduler.RunUntilIdle();
        sim.Listener.Failures.ShouldBeEmpty();
        sim.Listener.Corruptions.ShouldBeEmpty();
        foreach (var store in sim.Engine.Partitions.Where(store => store.Id.Value < _models.Length)) _models[store.Id.Value].CheckAll(store);
    }

    public override void Dispose()
    {
        base.Dispose();
        _sim?.Abandon();
        _sim = null;
    }

    protected override void NoteReports()
    {
        foreach (var listener in _listeners) Told.AddRange(listener.Failures.Concat(listener.Corruptions.Select(report => report.Error)));
    }

    /// <summary>When the ballast is to come back, there is suddenly no room for it.</summary>
    protected override int ScriptedFault(DiskCall call, string path)
    {
        if (!_failsBallast || call != DiskCall.Allocate || !path.EndsWith(Ballast.FileName, StringComparison.Ordinal)) return 0;
        _failsBallast = false;
        return 28;
    }

    protected override void Work()
    {
        Open();
        for (ushort id = 0; id < 3; id++) Create(_models[id].Id, _models[id].ConfigurationAt(0));
        for (var number = 1; number < 30; number++) Leave($"{number:D6}.sst.tmp");
        Fill(_models.AsSpan(0, 3), Entries);
        TakeSnapshot();
        Drop();
        FillTheDisk();
        GrowTheManifest();
        WriteLargeTable();
        CheckReading();
        NoteDurable();
        _sim!.Engine.Dispose();
        _sim = null;
        OpenWithLeftovers();
    }

    private void Open()
    {
        // The listener is known before the engine is: what it hears while the engine opens counts.
        var listener = new RecordingListener();
        _listeners.Add(listener);
        _sim = new SimEngine(7, Disk, Options, listener);
    }

    private void Create(PartitionId id, byte[] configuration)
    {
        _sim!.Engine.CreatePartition(id, configuration);
        _created.Add(id);
    }

    private void Leave(string name) => Disk.SetContent($"{Directory}/{name}", "left by a crash"u8);

    private void Fill(ReadOnlySpan<EngineModel> models, ulong entries)
    {
        var random = new Prng(11);
        for (ulong entry = 0; entry < entries; entry++)
        {
            foreach (var model in models) model.Apply(_sim!.Engine.Find(model.Id)!, random);
            if (entry % 16 == 15) _sim!.Engine.FlushAll();
            _sim!.Scheduler.RunOne();
            _sim.Scheduler.RunOne();
        }

        _sim!.Scheduler.RunUntilIdle();
    }

    private void TakeSnapshot()
    {
        Create(Target.Id, Target.ConfigurationAt(0));
        var source = _models[0];
        Ingest(source).Abort();
        _installing = source.Last;
        Ingest(source).Install();
        Target.BecomeCopyOf(source, _installing);
        _installing = 0;
    }

    private PartitionIngest Ingest(EngineModel source)
    {
        using var export = _sim!.Engine.Find(source.Id)!.BeginExport();
        var ingest = _sim.Engine.Find(Target.Id)!.BeginIngest(export.State, export.Configuration);
        var chunk = new ArrayBufferWriter<byte>();
        for (var more = true; more;)
        {
            chunk.ResetWrittenCount();
            more = export.Read(chunk, 4_000);
            ingest.Write(chunk.WrittenSpan);
        }

        return ingest;
    }

    private void Drop()
    {
        _created.Remove(Dropped.Id);
        _sim!.Engine.DropPartition(Dropped.Id);
        _isDropped = true;
        _sim.Scheduler.RunUntilIdle();
    }

    /// <summary>Others fill the disk during a flush; then they give the space back.</summary>
    private void FillTheDisk()
    {
        Fill(_models.AsSpan(0, 1), 3);
        Disk.CapacityBytes = Disk.UsedBytes + 1_000;
        for (var rounds = 0; rounds < 50 && !LacksSpace; rounds++)
        {
            Fill(_models.AsSpan(1, 1), 4);
            _sim!.Engine.RequestFlush();
            _sim.Scheduler.RunUntilIdle();
            Disk.CapacityBytes = Math.Min(Disk.CapacityBytes, Disk.UsedBytes + 1_000);
        }

        _failsBallast = true;
        Disk.CapacityBytes = 64 << 20;
        _sim!.Scheduler.Advance(1_000_000_000);
        _sim.Scheduler.RunUntilIdle();
        _sim.Engine.FlushAll();
    }

    private void GrowTheManifest()
    {
        for (var number = 0; number < 20; number++) Leave($"MANIFEST-{number + 2:D6}");
        for (ushort i = 0; i < LargeConfigurations; i++) Create(new PartitionId((ushort)(100 + i)), new byte[900 << 10]);
        for (ushort i = 0; i < LargeConfigurations; i++)
        {
            _created.Remove(new PartitionId((ushort)(100 + i)));
            _sim!.Engine.DropPartition(new PartitionId((ushort)(100 + i)));
        }
    }

    /// <summary>A table of several megabytes is synced before it is complete.</summary>
    private void WriteLargeTable()
    {
        var id = new PartitionId(50);
        Create(id, [1]);
        var store = _sim!.Engine.Find(id)!;
        store.Put(new LogIndex(1), "large"u8, Records.Value(new Prng(1), 5 << 20), Records.Info(1));
        store.Publish(Records.State(1));
        _sim.Engine.FlushAll();
        _created.Remove(id);
        _sim.Engine.DropPartition(id);
        _sim.Scheduler.RunUntilIdle();
    }

    private void OpenWithLeftovers()
    {
        Leave("000001.sst.tmp");
        Leave("CURRENT.tmp");
        Leave("000901.sst");
        Leave("MANIFEST-000001");
        Disk.CapacityBytes = Disk.UsedBytes + Reserve - 1;
        Open();
        Disk.CapacityBytes = 64 << 20;
        _sim!.Scheduler.Advance(1_000_000_000);
        _sim.Scheduler.RunUntilIdle();
        CheckReading();
        NoteDurable();
        _sim.Engine.Dispose();
        _sim = null;
    }

    /// <summary>What cannot be read because of the failure says so; all else is right.</summary>
    private void CheckReading()
    {
        foreach (var model in _models)
        {
            if (_sim!.Engine.Find(model.Id) is not { } store || (model == Target && _installing > 0)) continue;
            model.CheckAll(store);
            for (var key = 0; key < ModelEntry.Keys; key += 5) model.CheckGet(store, $"key-{key:D3}");
        }
    }

    private void NoteDurable()
    {
        foreach (var listener in _listeners)
            foreach (var (id, state) in listener.Flushed) _durable[id] = state.Index.Value;
        if (_installing == 0 && Target.Last > 0) _durable[Target.Id] = Target.Last;
    }

    /// <summary>Does what the log would: applies what is not in tables.</summary>
    private void Resume(SimEngine sim, PartitionStore store)
    {
        var model = _models[store.Id.Value];
        if (model == Target && _installing > 0 && store.Applied.Index.Value == _installing) model.BecomeCopyOf(_models[0], _installing);
        model.CheckAll(store);
        model.ReplayRest(store);
        model.CheckAll(store);
        sim.Scheduler.RunOne();
    }
}
