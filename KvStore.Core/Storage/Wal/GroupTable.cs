using System.Runtime.InteropServices;
using KvStore.Core.Primitives;

namespace KvStore.Core.Storage.Wal;

/// <summary>The state of every group as of the last durable record. One owner: recovery, then the writer's lane.</summary>
internal sealed class GroupTable
{
    private readonly Dictionary<ushort, GroupState> _groups = [];

    public int Count => _groups.Count;

    /// <summary>The newest clock ceiling, in HLC ticks.</summary>
    public ulong HlcCeiling { get; set; }

    public int EncodedBytes => _groups.Count * GroupState.Bytes;

    /// <summary>In the order of partitions, so that the same log gives the same bytes.</summary>
    public GroupState[] States()
    {
        var states = _groups.Values.ToArray();
        Array.Sort(states, static (a, b) => a.Partition.CompareTo(b.Partition));
        return states;
    }

    public void Set(in GroupState state) => _groups[state.Partition.Value] = state;

    /// <summary>Takes over one record.</summary>
    public void Apply(in RecordHeader record, ReadOnlySpan<byte> payload)
    {
        switch (record.Type)
        {
            case WalRecordType.HlcCeiling:
                HlcCeiling = Math.Max(HlcCeiling, RecordPayload.Number(payload, 0));
                return;
            case WalRecordType.PartitionDropped:
                _groups.Remove(record.Partition.Value);
                return;
        }

        ref var group = ref CollectionsMarshal.GetValueRefOrAddDefault(_groups, record.Partition.Value, out _);
        group = Next(group, record.Type, payload) with { Partition = record.Partition, LastLsn = record.Lsn };
    }

    public void Write(Span<byte> bytes)
    {
        foreach (var group in States())
        {
            group.Write(bytes);
            bytes = bytes[GroupState.Bytes..];
        }
    }

    private static GroupState Next(in GroupState group, WalRecordType type, ReadOnlySpan<byte> payload) => type switch
    {
        WalRecordType.Entry => group with { LastIndex = RecordPayload.EntryIndex(payload) },
        WalRecordType.HardState => group with { HardState = RecordPayload.HardState(payload) },
        WalRecordType.Truncate => group with { LastIndex = new LogIndex(Math.Min(group.LastIndex.Value, RecordPayload.Number(payload, 0) - 1)) },
        WalRecordType.AppliedSnapshot => group with
        {
            BaseIndex = new LogIndex(RecordPayload.Number(payload, 0)),
            BaseTerm = new Term(RecordPayload.Number(payload, 1)),
            LastIndex = new LogIndex(RecordPayload.Number(payload, 0)),
        },
        _ => group,
    };
}
