using System.Buffers;
using System.Text;
using KvStore.Core.Primitives;
using KvStore.Core.Storage;
using KvStore.Tests.Simulation;
using Shouldly;

namespace KvStore.Tests.Storage;

/// <summary>One random history of an engine with three partitions, from a seed. The model stands for the log as well: what is not in tables is replayed from it.</summary>
internal sealed class EngineStory(ulong seed, bool crashes, EngineTally tally) : IDisposable
{
    private readonly Prng _random = new(seed);
    private readonly SortedDictionary<PartitionId, EngineModel> _models = [];
    private readonly List<OpenExport> _exports = [];
    private readonly List<OpenScan> _scans = [];
    private SimEngine _sim = new(seed);
    private int _crashes;

    // The partition whose drop or creation, and the snapshot whose installation, a power cut may have interrupted.
    private PartitionId? _dropping;
    private (EngineModel Target, EngineModel Source, ulong Index)? _installing;

    private sealed record OpenExport(PartitionExport Export, EngineModel Model, ulong Index);

    private sealed record OpenScan(PartitionScan Scan, EngineModel Model, ulong Index, string Start, string End);

    /// <summary>Depends on every draw and on all that was written.</summary>
    public string Fingerprint => $"{_random.NextUInt64():x16} {_sim.Disk.Steps} {string.Join(',', _models.Values.Select(model => model.Last))}";

    public void Run(int steps)
    {
        for (ushort id = 0; id < 3; id++) Create(new PartitionId(id));
        for (var step = 0; step < steps; step++)
        {
            try
            {
                if (crashes && _random.Chance(1, 12)) _sim.Disk.PowerCutAtStep = _sim.Disk.Steps + 1 + _random.Next(60);
                Step();
            }
            catch (PowerCutException)
            {
                Crash();
            }
        }

        if (crashes && _crashes == 0) CrashInFlush();
        _sim.Disk.PowerCutAtStep = 0;
        EndReads();
        _sim.Scheduler.RunUntilIdle();
        CheckAll();
        NoteDurable();
    }

    public void Dispose()
    {
        _sim.Disk.PowerCutAtStep = 0;
        _sim.Dispose();
    }

    private EngineModel AnyModel() => _models.Values.ElementAt(_random.Next(_models.Count));

    private PartitionStore Store(EngineModel model) => _sim.Engine.Find(model.Id).ShouldNotBeNull();

    private string AnyKey() => $"key-{_random.Next(ModelEntry.Keys):D3}";

    private void Step()
    {
        var model = AnyModel();
        switch (_random.Next(100))
        {
            case < 36:
                for (var count = _random.Next(1, 12); count > 0; count--) model.Apply(Store(model), _random);
                break;
            case < 58:
                for (var count = _random.Next(1, 8); count > 0 && _sim.Scheduler.RunOne(); count--)
                {
                }

                break;
            case < 64:
                UseOverlay(model);
                break;
            case < 70:
                model.CheckGet(Store(model), AnyKey(), _random.Chance(1, 2));
                break;
            case < 74:
                model.CheckScan(Store(model), AnyKey(), _random.Chance(1, 3) ? "" : AnyKey(), _random.Chance(1, 2));
                break;
            case < 76:
                model.CheckAll(Store(model));
                break;
            case < 79:
                _sim.Engine.RequestFlush(_random.Chance(1, 3) ? model.Id : null);
                break;
            case < 81:
                _sim.Engine.FlushAll();
                foreach (var other in _models.Values) Store(other).Durable.ShouldBe(Store(other).Applied);
                break;
            case < 84:
                BeginScan(model);
                break;
            case < 88:
                if (_scans.Count > 0) EndScan(_random.Next(_scans.Count));
                break;
            case < 91:
                _exports.Add(new OpenExport(Store(model).BeginExport(), model, Store(model).Applied.Index.Value));
                break;
            case < 95:
                if (_exports.Count > 0) ReadExport(_random.Next(_exports.Count));
                break;
            case < 97:
                Reopen();
                break;
            case < 98:
                Drop(model);
                break;
            default:
                CheckDurable();
                break;
        }
    }

    private void Create(PartitionId id)
    {
        var model = new EngineModel(id);
        _models[id] = model;
        _sim.Engine.CreatePartition(id, model.ConfigurationAt(0));
    }

    /// <summary>Entries are shown before they are applied; then they are, or they are cut.</summary>
    private void UseOverlay(EngineModel model)
    {
        var store = Store(model);
        if (_random.Chance(1, 4) && model.Last > store.Applied.Index.Value)
        {
            var kept = store.Applied.Index.Value + (ulong)_random.Next((int)(model.Last - store.Applied.Index.Value));
            store.OverlayTruncate(new LogIndex(kept + 1));
            model.CutAfter(kept);
        }
        else
        {
            for (var count = _random.Next(1, 5); count > 0; count--) model.AppendToOverlay(store, _random);
        }

        model.CheckGet(store, AnyKey(), overlay: true);
    }

    private void BeginScan(EngineModel model)
    {
        var (start, end) = _random.Chance(1, 2) ? ("", "") : (AnyKey(), AnyKey());
        _scans.Add(new OpenScan(Store(model).OpenScan(Records.Key(start), Records.Key(end), false), model, Store(model).Applied.Index.Value, start, end));
    }

    private void EndScan(int position)
    {
        using var scan = _scans[position].Scan;
        var (_, model, index, start, end) = _scans[position];
        _scans.RemoveAt(position);
        tally.PinnedScans++;
        model.CheckScan(scan, index, start, end);
    }

    private void Drop(EngineModel model)
    {
        EndReads(model);
        tally.Drops++;
        _models.Remove(model.Id);
        _dropping = model.Id;
        _sim.Engine.DropPartition(model.Id);
        _sim.Listener.Flushed.Remove(model.Id);
        Create(model.Id);
        _dropping = null;
    }

    /// <summary>An export is what the partition was when it began, whatever happened since; now and then it is put in the place of another partition's data.</summary>
    private void ReadExport(int position)
    {
        var (export, model, index) = _exports[position];
        _exports.RemoveAt(position);
        export.State.ShouldBe(model.AppliedAt(index));
        var target = AnyModel();
        var ingest = Store(target).Applied.Index.Value < index && target != model ? Store(target).BeginIngest(export.State, export.Configuration) : null;
        var chunk = new ArrayBufferWriter<byte>();
        var records = new List<(string, RecordInfo, byte[])>();
        using (export)
        {
            for (var more = true; more;)
            {
                chunk.ResetWrittenCount();
                more = export.Read(chunk, 2_000);
                records.AddRange(RecordsOf(chunk.WrittenSpan));
                ingest?.Write(chunk.WrittenSpan);
            }
        }

        model.CheckExport(records, index);
        if (ingest is null) return;
        EndReads(target);
        _installing = (target, model, index);
        ingest.Install();
        tally.Installs++;
        TakeOver(target, model, index);
        target.CheckAll(Store(target));
    }

    /// <summary>The target's own entries were of another log: none of them comes after the snapshot.</summary>
    private void TakeOver(EngineModel target, EngineModel source, ulong index)
    {
        _installing = null;
        Store(target).OverlayTruncate(new LogIndex(1));
        target.BecomeCopyOf(source, index);
    }

    private static List<(string Key, RecordInfo Info, byte[] Value)> RecordsOf(ReadOnlySpan<byte> chunk)
    {
        var records = new List<(string, RecordInfo, byte[])>();
        for (var at = SnapshotChunk.HeaderBytes; at < chunk.Length;)
        {
            var record = SnapshotChunk.ReadRecord(chunk, ref at);
            records.Add((Encoding.UTF8.GetString(record.Key[1..]), record.Info, record.Value.ToArray()));
        }

        return records;
    }

    private void Reopen()
    {
        EndReads();
        NoteDurable();
        tally.Reopenings++;
        _sim.Dispose();
        _sim = new SimEngine(_random.NextUInt64(), _sim.Disk);
        Recover();
    }

    /// <summary>No seed goes by without a power cut.</summary>
    private void CrashInFlush()
    {
        foreach (var model in _models.Values) model.Apply(Store(model), _random);
        _sim.Disk.PowerCutAtStep = _sim.Disk.Steps + 1 + _random.Next(5);
        Should.Throw<PowerCutException>(_sim.Engine.FlushAll);
        Crash();
    }

    private void Crash()
    {
        _crashes++;
        tally.Crashes++;
        NoteDurable();
        var disk = _random.Chance(1, 5) ? _sim.Disk.Kill() : _sim.Disk.Crash();
        EndReads();
        _sim.Abandon();
        while (_random.Chance(1, 3)) disk = CrashWhileOpening(disk);
        _sim = new SimEngine(_random.NextUInt64(), disk);
        if (_dropping is { } id)
        {
            // Whether the drop or the creation took place is not known: do it again.
            _dropping = null;
            _sim.Engine.DropPartition(id);
            Create(id);
        }

        if (_installing is { } install && Store(install.Target).Applied == install.Source.AppliedAt(install.Index)) TakeOver(install.Target, install.Source, install.Index);
        _installing = null;
        Recover();
    }

    private SimDisk CrashWhileOpening(SimDisk disk)
    {
        disk.PowerCutAtStep = disk.Steps + 1 + _random.Next(25);
        SimEngine? opened = null;
        try
        {
            opened = new SimEngine(_random.NextUInt64(), disk);
            opened.Scheduler.RunUntilIdle();
        }
        catch (PowerCutException)
        {
            tally.CrashesWhileOpening++;
        }

        var after = disk.Crash();
        opened?.Abandon();
        return after;
    }

    private void NoteDurable()
    {
        var statistics = _sim.Engine.ReadStatistics();
        tally.Flushes += statistics.Flushes;
        tally.Compactions += statistics.Compactions;
        foreach (var (id, state) in _sim.Listener.Flushed)
            if (_models.TryGetValue(id, out var model)) model.Durable = Math.Max(model.Durable, state.Index.Value);
    }

    private void Recover()
    {
        foreach (var model in _models.Values)
        {
            var store = Store(model);
            store.Durable.ShouldBe(store.Applied);
            store.Applied.Index.Value.ShouldBeGreaterThanOrEqualTo(model.Durable);
            model.CheckAll(store);
            model.ReplayRest(store);
            model.CheckAll(store);
        }
    }

    private void CheckDurable()
    {
        foreach (var model in _models.Values)
        {
            var durable = Store(model).Durable.Index.Value;
            if (_sim.Listener.Flushed.TryGetValue(model.Id, out var reported)) durable.ShouldBe(reported.Index.Value);
        }
    }

    private void CheckAll()
    {
        _sim.Listener.Failures.ShouldBeEmpty();
        _sim.Listener.Corruptions.ShouldBeEmpty();
        foreach (var model in _models.Values) model.CheckAll(Store(model));
    }

    /// <summary>Ends the reads of one partition, or all.</summary>
    private void EndReads(EngineModel? of = null)
    {
        foreach (var export in _exports.Where(export => of is null || export.Model == of)) export.Export.Dispose();
        foreach (var scan in _scans.Where(scan => of is null || scan.Model == of)) scan.Scan.Dispose();
        _exports.RemoveAll(export => of is null || export.Model == of);
        _scans.RemoveAll(scan => of is null || scan.Model == of);
    }
}
