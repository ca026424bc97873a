using System.Buffers.Binary;
using KvStore.Core.Primitives;

namespace KvStore.Core.Storage.Wal;

/// <summary>
/// The payloads that the log itself understands: little-endian u64 numbers, one after the other.
/// Entry: term, index, then data. HardState: term, vote, commit. Truncate: first index cut. AppliedSnapshot: index, term.
/// DetachedRelease: LSN. HlcCeiling: HLC ticks.
/// </summary>
internal static class RecordPayload
{
    public static ulong Number(ReadOnlySpan<byte> payload, int ordinal) => BinaryPrimitives.ReadUInt64LittleEndian(payload[(8 * ordinal)..]);

    public static void SetNumber(Span<byte> payload, int ordinal, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(payload[(8 * ordinal)..], value);

    public static HardStateRecord HardState(ReadOnlySpan<byte> payload) =>
        new(new Term(Number(payload, 0)), Number(payload, 1), new LogIndex(Number(payload, 2)));

    public static LogIndex EntryIndex(ReadOnlySpan<byte> payload) => new(Number(payload, 1));

    /// <summary>The least payload of a type, in bytes.</summary>
    public static int MinimumBytes(WalRecordType type) => type switch
    {
        WalRecordType.Entry => RecordHeader.EntryPrefixBytes,
        WalRecordType.HardState => 24,
        WalRecordType.Truncate => 8,
        WalRecordType.AppliedSnapshot => 16,
        WalRecordType.DetachedRelease => 8,
        WalRecordType.HlcCeiling => 8,
        _ => 0,
    };
}
