using System.Buffers;
using KvStore.Core.Node;
using KvStore.Core.Primitives;
using KvStore.Core.Raft;
using KvStore.Core.Storage;
using KvStore.Core.Storage.Wal;
using KvStore.Tests.Simulation;
using KvStore.Tests.Storage.Wal;
using Shouldly;

namespace KvStore.Tests.Storage;

/// <summary>
/// One random history of an engine and a WAL together, with the node's own recovery: entries go to the WAL, what is durable there is applied,
/// what was flushed lets segments go. After every power cut nothing that was durable is missing, wherever it was.
/// </summary>
internal sealed class DurableStory(ulong seed) : IDisposable
{
    private const string WalDirectory = "/data/wal";
    private static readonly WalOptions WalOptions = new() { SegmentBytes = 32 << 10, RetentionBytes = 96 << 10, MaxBatchBytes = 16 << 10 };

    private readonly Prng _random = new(seed);
    private readonly DurableGroup[] _groups = [.. Enumerable.Range(0, 3).Select(id => new DurableGroup(new PartitionId((ushort)id)))];
    private readonly List<WalRecord> _history = [];
    private readonly WalWriteBuffer _buffer = new();
    private SimDisk _disk = new(seed);
    private SimScheduler _scheduler = new(seed);
    private DurableListener _listener = new();
    private StorageEngine? _engine;
    private WriteAheadLog? _log;
    private Lsn _promised;

    public DurableTally Tally { get; } = new();

    public void Run(int steps)
    {
        OpenUntilItWorks();
        for (var step = 0; step < steps; step++)
        {
            try
            {
                if (_random.Chance(1, 25)) _disk.PowerCutAtStep = _disk.Steps + 1 + _random.Next(80);
                Step();
            }
            catch (PowerCutException)
            {
                Tally.PowerCuts++;
                Lose();
                OpenUntilItWorks();
            }

            _listener.Failures.ShouldBeEmpty();
        }

        Lose();
        OpenUntilItWorks();
    }

    public void Dispose()
    {
        _disk.SwitchOff();
        PutAway();
    }

    private PartitionStore Store(DurableGroup group) => _engine!.Find(group.Model.Id)!;

    private void Step()
    {
        var group = _groups[_random.Next(_groups.Length)];
        switch (_random.Next(100))
        {
            case < 38:
                Propose(group);
                break;
            case < 62:
                for (var count = _random.Next(1, 6); count > 0 && _scheduler.RunOne(); count--)
                {
                }

                break;
            case < 82:
                ApplySome(group);
                break;
            case < 85:
                Truncate(group);
                break;
            case < 87:
                Submit(WalHarness.HardState(group.Model.Id.Value, group.NextTerm(), 2, group.Committed));
                break;
            case < 89:
                _engine!.RequestFlush(group.Model.Id);
                break;
            case < 91:
                _scheduler.Advance(20_000_000);
                break;
            case < 93:
                _log!.SetWanted(group.Model.Id, _random.Chance(1, 3) ? new LogIndex(Store(group).Durable.Index.Value) : null);
                break;
            case < 96:
                CheckReading(group);
                break;
            case < 98:
                InstallSnapshot(group);
                break;
            case 98 when _random.Chance(1, 2):
                StopAndOpen();
                break;
            default:
                foreach (var other in _groups) other.Model.CheckAll(Store(other));
                break;
        }
    }

    private void Propose(DurableGroup group)
    {
        var first = group.Model.Last + 1;
        var records = new List<WalRecord>();
        for (var count = _random.Next(1, 6); count > 0; count--) records.Add(group.Append(_random, new Lsn((ulong)(_history.Count + records.Count + 1))));
        var addresses = Submit([.. records]);
        for (var i = 0; i < addresses.Length; i++) group.SetAddress(first + (ulong)i, addresses[i]);
    }

    /// <summary>Only what is durable here is applied, and from then on it is committed.</summary>
    private void ApplySome(DurableGroup group)
    {
        var store = Store(group);
        for (var count = _random.Next(1, 15); count > 0; count--)
        {
            var next = store.Applied.Index.Value + 1;
            if (next > group.Model.Last || group.LsnOf(next) > _listener.Durable) return;
            group.Model.Replay(store, next);
            group.Committed = Math.Max(group.Committed, next);
        }
    }

    private void Truncate(DurableGroup group)
    {
        if (group.Model.Last <= group.Committed) return;
        var kept = group.Committed + (ulong)_random.Next((int)(group.Model.Last - group.Committed));
        group.CutAfter(kept);
        group.NextTerm();
        var truncation = new WalRecord(WalRecordType.Truncate, group.Model.Id, [kept + 1], "");
        var entry = group.Append(_random, new Lsn((ulong)_history.Count + 2));
        group.SetAddress(group.Model.Last, Submit(truncation, entry)[1]);
    }

    /// <summary>The manifest first, then the log: as a node does when a snapshot has arrived.</summary>
    private void InstallSnapshot(DurableGroup group)
    {
        var future = group.DrawFuture(_random);
        using var elsewhere = new SimEngine(_random.NextUInt64());
        var source = elsewhere.Engine.CreatePartition(future.Id, future.ConfigurationAt(0));
        future.ReplayRest(source);
        using var export = source.BeginExport();
        var ingest = Store(group).BeginIngest(export.State, export.Configuration);
        var chunk = new ArrayBufferWriter<byte>();
        for (var more = true; more;)
        {
            chunk.ResetWrittenCount();
            more = export.Read(chunk, 4_000);
            ingest.Write(chunk.WrittenSpan);
        }

        group.Installing = future;
        ingest.Install();
        group.BecomeCopyOf(future);
        Tally.Installs++;
        SubmitSnapshot(group.Model.Id, export.State);
    }

    private void SubmitSnapshot(PartitionId id, AppliedState state) =>
        Submit(new WalRecord(WalRecordType.AppliedSnapshot, id, [state.Index.Value, state.Term.Value], ""));

    /// <summary>What the tables do not hold durably can be read from the log, whatever was recycled.</summary>
    private void CheckReading(DurableGroup group)
    {
        var first = Store(group).Durable.Index.Value + 1;
        if (first > group.Model.Last) return;
        var index = first + (_random.NextUInt64() % (group.Model.Last - first + 1));
        var data = new ArrayBufferWriter<byte>();
        _log!.Read(group.AddressOf(index), group.Model.Id, new LogIndex(index), data).ShouldBe(group.PayloadOf(index).Length);
        data.WrittenSpan.SequenceEqual(group.PayloadOf(index)).ShouldBeTrue();
    }

    private WalAddress[] Submit(params WalRecord[] records)
    {
        foreach (var record in records) record.AddTo(_buffer);
        var addresses = new WalAddress[records.Length];
        _history.AddRange(records);
        _log!.Submit(_buffer, addresses).Value.ShouldBe((ulong)_history.Count);
        return addresses;
    }

    private void StopAndOpen()
    {
        _engine!.FlushAll();
        _log!.Stop();
        foreach (var group in _groups) Store(group).Durable.ShouldBe(Store(group).Applied);
        NotePromises();
        _promised.Value.ShouldBe((ulong)_history.Count);
        _log.Dispose();
        _engine.Dispose();
        _engine.Chunks.UsedBytes.ShouldBe(0);
        (_log, _engine) = (null, null);
        Tally.Stops++;
        OpenUntilItWorks();
    }

    /// <summary>Power cut or kill: what is left of the process is put away.</summary>
    private void Lose()
    {
        NotePromises();
        var after = _random.Chance(1, 4) ? _disk.Kill() : _disk.Crash();
        _disk.SwitchOff();
        PutAway();
        _disk = after;
    }

    private void PutAway()
    {
        _scheduler.Kill();
        if (_log is not null) Tally.SegmentsRecycled += _log.Statistics.SegmentsRecycled;
        if (_engine is not null) Tally.Flushes += _engine.ReadStatistics().Flushes;
        _log?.Dispose();
        _engine?.Dispose();
        (_log, _engine) = (null, null);
    }

    private void NotePromises()
    {
        if (_listener.Durable > _promised) _promised = _listener.Durable;
        foreach (var (id, state) in _listener.Flushed) _groups[id.Value].Model.Durable = state.Index.Value;
    }

    private void OpenUntilItWorks()
    {
        while (true)
        {
            if (_random.Chance(1, 3)) _disk.PowerCutAtStep = _disk.Steps + 1 + _random.Next(60);
            try
            {
                Open();
                _disk.PowerCutAtStep = 0;
                return;
            }
            catch (PowerCutException)
            {
                Tally.PowerCutsWhileOpening++;
                Lose();
            }
        }
    }

    private void Open()
    {
        _scheduler = new SimScheduler(_random.NextUInt64());
        _listener = new DurableListener();
        _engine = _listener.Engine = StorageEngine.Open(_disk, SimEngine.Directory, SimEngine.SmallOptions, _scheduler, _scheduler, _listener);
        var recoveries = _groups.ToDictionary(group => group.Model.Id, group => new PartitionRecovery(Store(group) ?? Create(group)));
        var recovery = WriteAheadLog.Open(_disk, WalDirectory, WalOptions, WalHarness.Identity, _scheduler, _scheduler, _listener, new DurableReplay(recoveries));
        _log = _listener.Log = recovery.Log ?? throw new ShouldAssertException($"taken for damaged: {recovery.Report.Damage}");
        var last = recovery.Report.LastLsn;
        last.ShouldBeInRange(_promised, new Lsn((ulong)_history.Count));
        Tally.RecordsLost += _history.Count - (int)last.Value;
        _history.RemoveRange((int)last.Value, _history.Count - (int)last.Value);
        _promised = last;
        var truth = WalModel.Of(_history);
        foreach (var group in _groups)
        {
            using var log = recoveries[group.Model.Id].Log;
            Recover(group, recoveries[group.Model.Id], truth.Groups.GetValueOrDefault(group.Model.Id.Value) ?? new GroupModel());
        }
    }

    private PartitionStore Create(DurableGroup group)
    {
        group.Committed.ShouldBe(0ul);
        return _engine!.CreatePartition(group.Model.Id, group.Model.ConfigurationAt(0));
    }

    /// <summary>What the node takes for the group's log must be what is known to be, and must hold every committed entry.</summary>
    private void Recover(DurableGroup group, PartitionRecovery recovery, GroupModel truth)
    {
        var store = recovery.Store;
        store.Durable.ShouldBe(store.Applied);
        var applied = store.Applied;
        if (group.Installing is { } snapshot && applied == snapshot.AppliedAt(snapshot.Last)) group.BecomeCopyOf(snapshot);
        group.Installing = null;
        applied.Index.Value.ShouldBeGreaterThanOrEqualTo(group.Model.Durable);
        group.Model.CheckAll(store);

        var raft = recovery.Finish(new RaftOptions(), DurableGroup.Self, new Prng(1));
        raft.Term.Value.ShouldBe(Math.Max(truth.HardState.Term.Value, raft.Log.LastTerm.Value));
        var expectedLast = truth.Holds(applied) ? truth.LastIndex : applied.Index.Value;
        raft.Log.LastIndex.Value.ShouldBe(expectedLast, $"{group.Model.Id}, applied {applied}");
        raft.Log.TermAt(applied.Index).ShouldBe(applied.Term);
        expectedLast.ShouldBeGreaterThanOrEqualTo(group.Committed, $"{group.Model.Id}: committed entries are gone");
        var committed = Enumerable.Range(1, (int)group.Committed).Select(index => group.Model.EntryAt((ulong)index)).ToList();
        group.CutAfter(applied.Index.Value);
        for (var index = applied.Index.Next; index.Value <= expectedLast; index = index.Next)
        {
            group.Restore(truth.Log[index.Value], recovery.Log.AddressOf(index));
            CheckEntry(group, recovery, raft, index);
        }

        for (var i = 0; i < committed.Count; i++) ReferenceEquals(group.Model.EntryAt((ulong)i + 1), committed[i]).ShouldBeTrue($"{group.Model.Id}: committed entry {i + 1} is another one");
        _log!.SetApplied(group.Model.Id, applied.Index);
        if (!recovery.MustRestartLog) return;
        Tally.LogsRestarted++;
        SubmitSnapshot(group.Model.Id, applied);
    }

    private static void CheckEntry(DurableGroup group, PartitionRecovery recovery, RaftNode raft, LogIndex index)
    {
        raft.Log.TermAt(index).ShouldBe(group.Model.AppliedAt(index.Value).Term);
        recovery.Log.TryGet(index, out var payload).ShouldBeTrue();
        payload.SequenceEqual(group.PayloadOf(index.Value)).ShouldBeTrue($"{group.Model.Id} entry {index}");
    }
}
