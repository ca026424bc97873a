using System.Buffers.Binary;
using KvStore.Core.Primitives;

namespace KvStore.Core.Storage.Wal;

/// <summary>
/// What a segment repeats of each group, so that older segments are not needed for it.
/// <code>
///  0 u16 partition   2 zeros    8 u64 term   16 u64 vote   24 u64 commit
/// 32 u64 base index  40 u64 base term (the last installed snapshot; 0 if none)   48 u64 last index   56 u64 last LSN
/// </code>
/// </summary>
internal readonly record struct GroupState(PartitionId Partition, HardStateRecord HardState, LogIndex BaseIndex, Term BaseTerm, LogIndex LastIndex, Lsn LastLsn)
{
    public const int Bytes = 64;

    public void Write(Span<byte> bytes)
    {
        bytes[..Bytes].Clear();
        BinaryPrimitives.WriteUInt16LittleEndian(bytes, Partition.Value);
        RecordPayload.SetNumber(bytes, 1, HardState.Term.Value);
        RecordPayload.SetNumber(bytes, 2, HardState.Vote);
        RecordPayload.SetNumber(bytes, 3, HardState.Commit.Value);
        RecordPayload.SetNumber(bytes, 4, BaseIndex.Value);
        RecordPayload.SetNumber(bytes, 5, BaseTerm.Value);
        RecordPayload.SetNumber(bytes, 6, LastIndex.Value);
        RecordPayload.SetNumber(bytes, 7, LastLsn.Value);
    }

    /// <summary>The states that stand one after the other in <paramref name="bytes"/>.</summary>
    public static GroupState[] ReadAll(ReadOnlySpan<byte> bytes)
    {
        var groups = new GroupState[bytes.Length / Bytes];
        for (var i = 0; i < groups.Length; i++) groups[i] = Read(bytes[(i * Bytes)..]);
        return groups;
    }

    private static GroupState Read(ReadOnlySpan<byte> bytes) => new(
        new PartitionId(BinaryPrimitives.ReadUInt16LittleEndian(bytes)),
        RecordPayload.HardState(bytes[8..]),
        new LogIndex(RecordPayload.Number(bytes, 4)),
        new Term(RecordPayload.Number(bytes, 5)),
        new LogIndex(RecordPayload.Number(bytes, 6)),
        new Lsn(RecordPayload.Number(bytes, 7)));
}
