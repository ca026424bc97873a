using System.Text;
using KvStore.Core.Primitives;
using KvStore.Core.Storage;
using Shouldly;

namespace KvStore.Tests.Storage;

/// <summary>What a partition must hold: all its entries, from which the state at any index follows.</summary>
/// <param name="configurations">The configuration after the entry with an index; by default a text that changes now and then.</param>
internal sealed class EngineModel(PartitionId id, Func<ulong, byte[]>? configurations = null)
{
    private readonly Func<ulong, byte[]> _configurations = configurations ?? (index => Encoding.UTF8.GetBytes($"configuration {index / 10}"));
    private readonly List<ModelEntry> _entries = [];
    private SortedDictionary<string, (ulong Index, ModelOperation Operation)> _state = new(StringComparer.Ordinal);
    private ulong _stateAt;

    public PartitionId Id { get; } = id;

    /// <summary>Index of the last entry.</summary>
    public ulong Last => (ulong)_entries.Count;

    /// <summary>Index of the entry up to which the engine said that everything is durable.</summary>
    public ulong Durable { get; set; }

    public byte[] ConfigurationAt(ulong index) => _configurations(index);

    public AppliedState AppliedAt(ulong index) => index == 0 ? default : Records.State(index, _entries[(int)index - 1].Term);

    /// <summary>Tombstones of entries up to it count as absent.</summary>
    public ulong FloorAt(ulong index) => index == 0 ? 0 : _entries[(int)index - 1].Floor;

    /// <summary>Adds an entry without applying it.</summary>
    public ModelEntry Append(Prng random, ulong term = 1, bool raisesFloor = true)
    {
        var floor = FloorAt(Last);
        var entry = ModelEntry.Draw(random, term, floor, raisesFloor ? Last : floor);
        Add(entry);
        return entry;
    }

    public void Add(ModelEntry entry) => _entries.Add(entry);

    public ModelEntry EntryAt(ulong index) => _entries[(int)index - 1];

    /// <summary>Draws an entry and applies it, after those that were not applied yet.</summary>
    public void Apply(PartitionStore store, Prng random)
    {
        Append(random);
        ReplayRest(store);
    }

    /// <summary>Draws an entry that local reads may see before it is applied.</summary>
    public void AppendToOverlay(PartitionStore store, Prng random)
    {
        var entry = Append(random, raisesFloor: false);
        foreach (var operation in entry.Operations)
        {
            var info = Records.Info(Last, operation.ExpiresAtMs, entry.Term);
            if (operation.Value is { } value) store.OverlayPut(new LogIndex(Last), Records.Key(operation.Key), value, info);
            else store.OverlayDelete(new LogIndex(Last), Records.Key(operation.Key), info);
        }

        store.PublishOverlay(new LogIndex(Last));
    }

    /// <summary>Applies an entry (again).</summary>
    public void Replay(PartitionStore store, ulong index)
    {
        var entry = _entries[(int)index - 1];
        foreach (var operation in entry.Operations)
        {
            var info = Records.Info(index, operation.ExpiresAtMs, entry.Term);
            if (operation.Value is { } value) store.Put(new LogIndex(index), Records.Key(operation.Key), value, info);
            else store.Delete(new LogIndex(index), Records.Key(operation.Key), info);
        }

        if (entry.Floor > FloorAt(index - 1)) store.SetFloor(new LogIndex(entry.Floor));
        if (!ConfigurationAt(index).AsSpan().SequenceEqual(ConfigurationAt(index - 1))) store.SetConfiguration(ConfigurationAt(index));
        store.Publish(AppliedAt(index));
    }

    /// <summary>Applies what the log has and the engine has not.</summary>
    public void ReplayRest(PartitionStore store)
    {
        for (var index = store.Applied.Index.Value + 1; index <= Last; index++) Replay(store, index);
    }

    /// <summary>Forgets the entries after <paramref name="index"/>.</summary>
    public void CutAfter(ulong index)
    {
        if (index >= Last) return;
        _entries.RemoveRange((int)index, _entries.Count - (int)index);
        if (_stateAt > index) ForgetState();
    }

    /// <summary>
    /// The newest record of each key that entries up to <paramref name="index"/> wrote, without tombstones at or below the floor. Valid
    /// until the next call.
    /// </summary>
    public SortedDictionary<string, (ulong Index, ModelOperation Operation)> StateAt(ulong index)
    {
        if (index < _stateAt) ForgetState();
        for (; _stateAt < index; _stateAt++)
            foreach (var operation in _entries[(int)_stateAt].Operations) _state[operation.Key] = (_stateAt + 1, operation);
        var floor = FloorAt(index);
        if (floor == 0) return _state;
        return new(_state.Where(record => record.Value.Operation.Value is not null || record.Value.Index > floor).ToDictionary(), StringComparer.Ordinal);
    }

    /// <summary>Takes over what another partition holds, as a snapshot does.</summary>
    public void BecomeCopyOf(EngineModel other, ulong index)
    {
        _entries.Clear();
        _entries.AddRange(other._entries.Take((int)index));
        ForgetState();
        Durable = index;
    }

    public void CheckAll(PartitionStore store)
    {
        var index = store.Applied.Index.Value;
        store.Applied.ShouldBe(AppliedAt(index));
        store.Floor.Value.ShouldBe(FloorAt(index));
        store.Configuration.ShouldBe(ConfigurationAt(index));
        using var view = store.Pin();
        view.ReadIndex.Value.ShouldBe(index);
        var records = view.Scan([], [], false);
        foreach (var (key, entry) in StateAt(index))
        {
            if (!records.MoveNext()) throw new ShouldAssertException($"{Id}: {key} is missing at {index}");
            CheckKey(records.Key, key);
            CheckRecord(entry, records.Info, records.Value, index);
        }

        records.MoveNext().ShouldBeFalse();
    }

    /// <summary>A point read, with the overlay or without, from memory as far as that can tell, then with the disk.</summary>
    public void CheckGet(PartitionStore store, string key, bool overlay = false)
    {
        using var view = store.Pin();
        var index = overlay ? Last : view.ReadIndex.Value;
        var expected = StateAt(index);
        var lookup = view.FindInMemory(Records.Key(key), overlay, out var info, out var value);
        if (lookup == Lookup.Found) CheckRecord(expected[key], info, value, index);
        if (lookup == Lookup.Absent && expected.ContainsKey(key)) throw new ShouldAssertException($"{Id}: {key} at {index} was said to be absent from memory alone");
        var found = view.TryGet(Records.Key(key), overlay, out info, out value);
        if (found != expected.ContainsKey(key)) throw new ShouldAssertException($"{Id}: {key} at {index} was {(found ? "" : "not ")}found");
        if (found) CheckRecord(expected[key], info, value, index);
    }

    public void CheckScan(PartitionStore store, string start, string end, bool overlay = false)
    {
        using var scan = store.OpenScan(Records.Key(start), Records.Key(end), overlay);
        CheckScan(scan, overlay ? Last : store.Applied.Index.Value, start, end);
    }

    /// <summary>The rest of a scan that was opened when the partition's last visible entry was <paramref name="index"/>.</summary>
    public void CheckScan(PartitionScan scan, ulong index, string start, string end)
    {
        foreach (var (key, entry) in StateAt(index))
        {
            if (string.CompareOrdinal(key, start) < 0 || (end.Length > 0 && string.CompareOrdinal(key, end) >= 0)) continue;
            if (!scan.MoveNext()) throw new ShouldAssertException($"{Id}: {key} is missing from a scan at {index}");
            CheckKey(scan.Key, key);
            CheckRecord(entry, scan.Info, scan.Value, index);
        }

        scan.MoveNext().ShouldBeFalse();
    }

    /// <summary>All records of an export, in order; tombstones below the floor may be among them or not.</summary>
    public void CheckExport(IReadOnlyList<(string Key, RecordInfo Info, byte[] Value)> records, ulong index)
    {
        var floor = FloorAt(index);
        var stored = records.Where(record => !record.Info.IsTombstone || record.Info.Revision.Version.Index.Value > floor).ToList();
        var expected = StateAt(index);
        stored.Select(record => record.Key).ShouldBe(expected.Keys);
        foreach (var (key, info, value) in stored) CheckRecord(expected[key], info, value, index);
    }

    private void ForgetState()
    {
        _state = new(StringComparer.Ordinal);
        _stateAt = 0;
    }

    private static void CheckKey(ReadOnlySpan<byte> found, string expected)
    {
        if (!found.SequenceEqual(Records.Key(expected))) throw new ShouldAssertException($"{Encoding.UTF8.GetString(found)} where {expected} should be");
    }

    private void CheckRecord((ulong Index, ModelOperation Operation) expected, RecordInfo info, ReadOnlySpan<byte> value, ulong readIndex)
    {
        var (index, operation) = expected;
        info.ShouldBe(Records.Info(index, operation.ExpiresAtMs, _entries[(int)index - 1].Term) with { IsTombstone = operation.Value is null });

        // Compaction leaves out the value of a record that expired by log time.
        var isExpired = operation.ExpiresAtMs != 0 && (ulong)operation.ExpiresAtMs <= Records.State(readIndex).LogTime >> 16;
        if (isExpired && value.IsEmpty) return;
        if (!value.SequenceEqual(operation.Value ?? [])) throw new ShouldAssertException($"{Id}: wrong value of {operation.Key} at {readIndex}");
    }
}
