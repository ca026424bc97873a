using KvStore.Core.Primitives;
using KvStore.Core.Storage;
using KvStore.Core.Storage.Wal;

namespace KvStore.Tests.Storage.Wal;

/// <summary>A record as the test submitted it, or as it came back.</summary>
internal sealed record WalRecord(WalRecordType Type, PartitionId Partition, ulong[] Numbers, string Data)
{
    public override string ToString() => $"{Type} {Partition} [{string.Join(",", Numbers)}] {Data}";

    public bool Same(WalRecord? other) =>
        other is not null && Type == other.Type && Partition == other.Partition && Numbers.AsSpan().SequenceEqual(other.Numbers) && Data == other.Data;

    public void AddTo(WalWriteBuffer buffer)
    {
        switch (Type)
        {
            case WalRecordType.Entry:
                buffer.AddEntry(Partition, new Term(Numbers[0]), new LogIndex(Numbers[1]), Convert.FromHexString(Data));
                break;
            case WalRecordType.HardState:
                buffer.AddHardState(Partition, new HardStateRecord(new Term(Numbers[0]), Numbers[1], new LogIndex(Numbers[2])));
                break;
            case WalRecordType.Truncate:
                buffer.AddTruncate(Partition, new LogIndex(Numbers[0]));
                break;
            case WalRecordType.AppliedSnapshot:
                buffer.AddAppliedSnapshot(Partition, new LogIndex(Numbers[0]), new Term(Numbers[1]));
                break;
            case WalRecordType.DetachedRelease:
                buffer.AddDetachedRelease(Partition, new Lsn(Numbers[0]));
                break;
            case WalRecordType.HlcCeiling:
                buffer.AddHlcCeiling(Numbers[0]);
                break;
            default:
                buffer.Add(Type, Partition, Convert.FromHexString(Data));
                break;
        }
    }
}

/// <summary>What the records say about one partition, the obvious way.</summary>
internal sealed class GroupModel
{
    public HardStateRecord HardState { get; set; }

    public SortedDictionary<ulong, WalRecord> Log { get; } = [];

    public SortedDictionary<ulong, WalAddress> Addresses { get; } = [];

    public ulong LastIndex { get; private set; }

    // What the log goes on after. No term is said where a node went on behind its applied entry because the log held nothing any more.
    private (ulong Index, ulong? Term) _base = (0, 0);

    /// <summary>Whether the log, as far back as it was ever written, holds the entry that was applied last.</summary>
    public bool Holds(AppliedState applied)
    {
        if (Log.TryGetValue(applied.Index.Value, out var entry)) return entry.Numbers[0] == applied.Term.Value;
        if (_base.Index != applied.Index.Value) return false;
        return _base.Term is { } term ? term == applied.Term.Value : Log.Count == 0 || Log.First().Value.Numbers[0] >= applied.Term.Value;
    }

    /// <summary>The log goes on after a snapshot.</summary>
    public void Restart(ulong index, ulong term)
    {
        CutFrom(0);
        LastIndex = index;
        _base = (index, term);
    }

    public void Append(WalRecord entry, WalAddress address)
    {
        // Behind a snapshot that the log was never told of, it begins anew.
        if (entry.Numbers[1] > LastIndex + 1) CutFrom(0);
        if (Log.Count == 0 && entry.Numbers[1] != LastIndex + 1) _base = (entry.Numbers[1] - 1, null);
        LastIndex = entry.Numbers[1];
        Log[LastIndex] = entry;
        Addresses[LastIndex] = address;
    }

    public void CutFrom(ulong index)
    {
        if (LastIndex >= index) LastIndex = index == 0 ? 0 : index - 1;
        foreach (var gone in Log.Keys.Where(i => i >= index).ToList()) Log.Remove(gone);
        foreach (var gone in Addresses.Keys.Where(i => i >= index).ToList()) Addresses.Remove(gone);
    }
}

/// <summary>Applies records in order; also what a replay is collected into.</summary>
internal sealed class WalModel : IWalReplay
{
    private Lsn _last;

    public SortedDictionary<ushort, GroupModel> Groups { get; } = [];

    public ulong HlcCeiling { get; private set; }

    /// <summary>By LSN. The states that the oldest segment starts with share one, which is lower than the log's first.</summary>
    public SortedDictionary<ulong, WalRecord> Records { get; } = [];

    public static WalModel Of(IEnumerable<WalRecord> history)
    {
        var model = new WalModel();
        foreach (var record in history) model.Apply(record, WalAddress.None);
        return model;
    }

    public void OnHardState(PartitionId partition, Lsn lsn, HardStateRecord state) =>
        Note(lsn, new WalRecord(WalRecordType.HardState, partition, [state.Term.Value, state.Vote, state.Commit.Value], ""), WalAddress.None);

    public void OnEntry(PartitionId partition, Term term, LogIndex index, Lsn lsn, WalAddress address, ReadOnlySpan<byte> payload) =>
        Note(lsn, new WalRecord(WalRecordType.Entry, partition, [term.Value, index.Value], Convert.ToHexString(payload)), address);

    public void OnTruncate(PartitionId partition, Lsn lsn, LogIndex from) =>
        Note(lsn, new WalRecord(WalRecordType.Truncate, partition, [from.Value], ""), WalAddress.None);

    public void OnAppliedSnapshot(PartitionId partition, Lsn lsn, LogIndex index, Term term) =>
        Note(lsn, new WalRecord(WalRecordType.AppliedSnapshot, partition, [index.Value, term.Value], ""), WalAddress.None);

    public void OnRecord(WalRecordType type, PartitionId partition, Lsn lsn, ReadOnlySpan<byte> payload)
    {
        var isNumber = type is WalRecordType.HlcCeiling or WalRecordType.DetachedRelease;
        Note(lsn, new WalRecord(type, partition, isNumber ? [BitConverter.ToUInt64(payload)] : [], isNumber ? "" : Convert.ToHexString(payload)), WalAddress.None);
    }

    private void Note(Lsn lsn, WalRecord record, WalAddress address)
    {
        if (lsn < _last) throw new InvalidOperationException($"LSN {lsn} after {_last}");
        _last = lsn;
        Records[lsn.Value] = record;
        Apply(record, address);
    }

    public void Apply(WalRecord record, WalAddress address)
    {
        if (record.Type == WalRecordType.HlcCeiling)
        {
            HlcCeiling = Math.Max(HlcCeiling, record.Numbers[0]);
            return;
        }

        if (record.Type == WalRecordType.PartitionDropped)
        {
            Groups.Remove(record.Partition.Value);
            return;
        }

        if (!Groups.TryGetValue(record.Partition.Value, out var group)) Groups[record.Partition.Value] = group = new GroupModel();
        switch (record.Type)
        {
            case WalRecordType.Entry:
                group.Append(record, address);
                break;
            case WalRecordType.HardState:
                group.HardState = new HardStateRecord(new Term(record.Numbers[0]), record.Numbers[1], new LogIndex(record.Numbers[2]));
                break;
            case WalRecordType.Truncate:
                group.CutFrom(record.Numbers[0]);
                break;
            case WalRecordType.AppliedSnapshot:
                group.Restart(record.Numbers[0], record.Numbers[1]);
                break;
        }
    }
}
