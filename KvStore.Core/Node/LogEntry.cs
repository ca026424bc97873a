using System.Buffers.Binary;
using KvStore.Core.Primitives;
using KvStore.Protocol.Messages;

namespace KvStore.Core.Node;

/// <summary>What an entry of a partition's log asks the state machine to do.</summary>
public enum EntryKind : byte
{
    /// <summary>Nothing; a new leader appends one to commit what came before it (Raft, section 5.4.2), and it carries log time.</summary>
    NoOp = 0,

    /// <summary>One or more record operations, all or nothing.</summary>
    Write = 1,

    /// <summary>A Raft configuration of the partition.</summary>
    Configuration = 2,
}

/// <summary>The fixed part of every entry payload: kind, flags, the node that proposed it and its hybrid timestamp.</summary>
/// <remarks>
/// Layout, little-endian: u8 kind, u8 flags (bit 0: acknowledged by the primary alone, "fast"), u16 origin node, u64 timestamp ticks.
/// A Write goes on with u16 operation count and the operations, a Configuration with its encoding.
/// The entry is the same bytes in the WAL, on the wire to the followers and in memory.
/// </remarks>
public readonly record struct EntryHeader(EntryKind Kind, bool Fast, NodeId Origin, ulong Ticks)
{
    public const int Size = 12;

    public HybridTimestamp Timestamp => new(Ticks, Origin);

    public void Write(Span<byte> destination)
    {
        destination[0] = (byte)Kind;
        destination[1] = Fast ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteUInt16LittleEndian(destination[2..], Origin.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[4..], Ticks);
    }

    /// <exception cref="InvariantException">The payload is shorter than a header: entries are checksummed wherever they are kept, so this is a bug.</exception>
    public static EntryHeader Read(ReadOnlySpan<byte> payload)
    {
        Invariant.Check(payload.Length >= Size);
        return new EntryHeader(
            (EntryKind)payload[0],
            (payload[1] & 1) != 0,
            new NodeId(BinaryPrimitives.ReadUInt16LittleEndian(payload[2..])),
            BinaryPrimitives.ReadUInt64LittleEndian(payload[4..]));
    }
}

/// <summary>One operation of a Write entry, as spans into its payload.</summary>
/// <remarks>
/// Layout: u8 kind, u8 condition, u16 key length, u32 value length, u64 expiry in ms since the Unix epoch (0 = never),
/// then for IfVersion and IfRevision u64 term, u64 index, u64 ticks, u16 node; then key and value.
/// </remarks>
public readonly ref struct EntryOperation
{
    public const int FixedSize = 16;
    public const int ConditionSize = 26;

    public required WriteKind Kind { get; init; }

    public required ConditionKind Condition { get; init; }

    /// <summary>Milliseconds since the Unix epoch; 0 = never.</summary>
    public required long ExpiresAtMs { get; init; }

    public required Revision Expected { get; init; }

    public required ReadOnlySpan<byte> Key { get; init; }

    public required ReadOnlySpan<byte> Value { get; init; }

    public int EncodedSize => FixedSize + (NeedsExpected(Condition) ? ConditionSize : 0) + Key.Length + Value.Length;

    public static bool NeedsExpected(ConditionKind condition) => condition is ConditionKind.IfVersion or ConditionKind.IfRevision;

    /// <summary>Writes the operation and returns how many bytes it took (<see cref="EncodedSize"/>).</summary>
    public int Write(Span<byte> destination)
    {
        destination[0] = (byte)Kind;
        destination[1] = (byte)Condition;
        BinaryPrimitives.WriteUInt16LittleEndian(destination[2..], (ushort)Key.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[4..], (uint)Value.Length);
        BinaryPrimitives.WriteInt64LittleEndian(destination[8..], ExpiresAtMs);
        var at = FixedSize;
        if (NeedsExpected(Condition))
        {
            BinaryPrimitives.WriteUInt64LittleEndian(destination[at..], Expected.Version.Term.Value);
            BinaryPrimitives.WriteUInt64LittleEndian(destination[(at + 8)..], Expected.Version.Index.Value);
            BinaryPrimitives.WriteUInt64LittleEndian(destination[(at + 16)..], Expected.Timestamp.Ticks);
            BinaryPrimitives.WriteUInt16LittleEndian(destination[(at + 24)..], Expected.Timestamp.Node.Value);
            at += ConditionSize;
        }

        Key.CopyTo(destination[at..]);
        at += Key.Length;
        Value.CopyTo(destination[at..]);
        return at + Value.Length;
    }
}

/// <summary>Reads the operations of a Write entry one after the other.</summary>
public ref struct EntryOperations
{
    private ReadOnlySpan<byte> _rest;
    private EntryOperation _current;
    private int _left;

    /// <param name="payload">A whole payload whose header says <see cref="EntryKind.Write"/>.</param>
    public EntryOperations(ReadOnlySpan<byte> payload)
    {
        Invariant.Check(payload.Length >= EntryHeader.Size + 2);
        Count = BinaryPrimitives.ReadUInt16LittleEndian(payload[EntryHeader.Size..]);
        _left = Count;
        _rest = payload[(EntryHeader.Size + 2)..];
    }

    public int Count { get; }

    /// <summary>How many bytes stand behind the operations taken so far.</summary>
    internal readonly int RestBytes => _rest.Length;

    public readonly EntryOperation Current => _current;

    public readonly EntryOperations GetEnumerator() => this;

    /// <exception cref="InvariantException">The payload is not well-formed: it was never let into a log (<see cref="EntryCheck"/>), so this is a bug.</exception>
    public bool MoveNext()
    {
        if (_left == 0) return false;
        Invariant.Check(TryMoveNext());
        return true;
    }

    /// <summary>As <see cref="MoveNext"/> while operations are left; false if what stands there is none.</summary>
    internal bool TryMoveNext()
    {
        if (_left == 0 || _rest.Length < EntryOperation.FixedSize) return false;
        var kind = (WriteKind)_rest[0];
        var condition = (ConditionKind)_rest[1];
        if (kind is not (WriteKind.Put or WriteKind.Delete) || condition > ConditionKind.IfRevision) return false;
        var keyLength = BinaryPrimitives.ReadUInt16LittleEndian(_rest[2..]);
        var valueLength = BinaryPrimitives.ReadUInt32LittleEndian(_rest[4..]);
        var at = EntryOperation.FixedSize + (EntryOperation.NeedsExpected(condition) ? EntryOperation.ConditionSize : 0);
        if (at + keyLength + (long)valueLength > _rest.Length) return false;
        _current = new EntryOperation
        {
            Kind = kind,
            Condition = condition,
            ExpiresAtMs = BinaryPrimitives.ReadInt64LittleEndian(_rest[8..]),
            Expected = at > EntryOperation.FixedSize ? ReadRevision(_rest[EntryOperation.FixedSize..]) : Revision.None,
            Key = _rest.Slice(at, keyLength),
            Value = _rest.Slice(at + keyLength, (int)valueLength),
        };
        _left--;
        _rest = _rest[(at + keyLength + (int)valueLength)..];
        return true;
    }

    private static Revision ReadRevision(ReadOnlySpan<byte> bytes) => new(
        new Primitives.Version(
            new Term(BinaryPrimitives.ReadUInt64LittleEndian(bytes)), new LogIndex(BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]))),
        new HybridTimestamp(BinaryPrimitives.ReadUInt64LittleEndian(bytes[16..]), new NodeId(BinaryPrimitives.ReadUInt16LittleEndian(bytes[24..]))));
}

/// <summary>Turns the relative expiries of a Write entry into absolute ones; the primary does it when the entry enters its log.</summary>
public static class EntryExpiry
{
    /// <param name="payload">A whole Write payload whose expiries are milliseconds from now.</param>
    /// <param name="nowMs">Milliseconds since the Unix epoch.</param>
    public static void MakeAbsolute(Span<byte> payload, long nowMs)
    {
        var at = EntryHeader.Size + 2;
        while (at < payload.Length)
        {
            var operation = payload[at..];
            var relative = BinaryPrimitives.ReadInt64LittleEndian(operation[8..]);
            if (relative != 0) BinaryPrimitives.WriteInt64LittleEndian(operation[8..], nowMs + relative);
            at += EntryOperation.FixedSize + (EntryOperation.NeedsExpected((ConditionKind)operation[1]) ? EntryOperation.ConditionSize : 0)
                + BinaryPrimitives.ReadUInt16LittleEndian(operation[2..]) + (int)BinaryPrimitives.ReadUInt32LittleEndian(operation[4..]);
        }
    }
}
