using System.Buffers.Binary;
using KvStore.Core.Primitives;
using KvStore.Core.Raft;

namespace KvStore.Core.Node;

/// <summary>
/// Raft messages of many partitions in the body of one peer frame, one after the other.
/// </summary>
/// <remarks>
/// Each message, little-endian: u32 length of what follows, u16 partition, u8 type, u8 reject reason, u8 transfer, 3 bytes zero,
/// u64 from replica, u64 to replica, u64 term, u64 index, u64 log term, u64 commit, u64 hint, u64 context, u32 entry count,
/// then per entry u64 term, u32 size, payload.
/// </remarks>
public static class RaftBatch
{
    public const int HeaderSize = 4 + 8 + (8 * 8) + 4;
    public const int EntryHeaderSize = 12;

    /// <summary>Starts a message; the caller adds its entries with <see cref="AddEntry"/> and ends it with <see cref="End"/>.</summary>
    /// <returns>The position to hand to <see cref="End"/>.</returns>
    public static int Begin(ByteBuffer buffer, PartitionId partition, in RaftMessage message)
    {
        var start = buffer.Length;
        var span = buffer.Take(HeaderSize);
        BinaryPrimitives.WriteUInt16LittleEndian(span[4..], partition.Value);
        span[6] = (byte)message.Type;
        span[7] = (byte)message.Reject;
        span[8] = message.Transfer ? (byte)1 : (byte)0;
        span[9..12].Clear();
        var fields = span[12..];
        BinaryPrimitives.WriteUInt64LittleEndian(fields, message.From.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(fields[8..], message.To.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(fields[16..], message.Term.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(fields[24..], message.Index.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(fields[32..], message.LogTerm.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(fields[40..], message.Commit.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(fields[48..], message.Hint.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(fields[56..], message.Context);
        BinaryPrimitives.WriteUInt32LittleEndian(fields[64..], (uint)message.EntryCount);
        return start;
    }

    public static void AddEntry(ByteBuffer buffer, Term term, ReadOnlySpan<byte> payload)
    {
        var span = buffer.Take(EntryHeaderSize + payload.Length);
        BinaryPrimitives.WriteUInt64LittleEndian(span, term.Value);
        BinaryPrimitives.WriteUInt32LittleEndian(span[8..], (uint)payload.Length);
        payload.CopyTo(span[EntryHeaderSize..]);
    }

    public static void End(ByteBuffer buffer, int start) => buffer.PatchUInt32(start, (uint)(buffer.Length - start - 4));

    /// <summary>The next message of a batch as raw bytes, with its partition, so that it can be handed to the shard that owns it.</summary>
    /// <returns>False at the end of the batch or when the rest is malformed.</returns>
    public static bool TryTake(ref ReadOnlySpan<byte> batch, out PartitionId partition, out ReadOnlySpan<byte> message)
    {
        partition = default;
        message = default;
        if (batch.Length < HeaderSize) return false;
        var length = BinaryPrimitives.ReadUInt32LittleEndian(batch);
        if (length < HeaderSize - 4 || length > (uint)(batch.Length - 4)) return false;
        partition = new PartitionId(BinaryPrimitives.ReadUInt16LittleEndian(batch[4..]));
        message = batch[..(int)(4 + length)];
        batch = batch[(int)(4 + length)..];
        return true;
    }

    /// <summary>Decodes one message taken by <see cref="TryTake"/>; <paramref name="entries"/> holds the bytes behind the header.</summary>
    public static bool TryDecode(ReadOnlySpan<byte> bytes, out RaftMessage message, out ReadOnlySpan<byte> entries)
    {
        var fields = bytes[12..];
        var count = BinaryPrimitives.ReadUInt32LittleEndian(fields[64..]);
        entries = bytes[HeaderSize..];
        message = default;
        if (count > (uint)entries.Length / EntryHeaderSize) return false;
        message = new RaftMessage
        {
            Type = (RaftMessageType)bytes[6],
            Reject = (RejectReason)bytes[7],
            Transfer = bytes[8] != 0,
            From = new ReplicaId(BinaryPrimitives.ReadUInt64LittleEndian(fields)),
            To = new ReplicaId(BinaryPrimitives.ReadUInt64LittleEndian(fields[8..])),
            Term = new Term(BinaryPrimitives.ReadUInt64LittleEndian(fields[16..])),
            Index = new LogIndex(BinaryPrimitives.ReadUInt64LittleEndian(fields[24..])),
            LogTerm = new Term(BinaryPrimitives.ReadUInt64LittleEndian(fields[32..])),
            Commit = new LogIndex(BinaryPrimitives.ReadUInt64LittleEndian(fields[40..])),
            Hint = new LogIndex(BinaryPrimitives.ReadUInt64LittleEndian(fields[48..])),
            Context = BinaryPrimitives.ReadUInt64LittleEndian(fields[56..]),
            EntryCount = (int)count,
        };
        return true;
    }

    /// <summary>Takes the next entry off the bytes that <see cref="TryDecode"/> returned.</summary>
    public static bool TryTakeEntry(ref ReadOnlySpan<byte> entries, out Term term, out ReadOnlySpan<byte> payload)
    {
        term = default;
        payload = default;
        if (entries.Length < EntryHeaderSize) return false;
        var size = BinaryPrimitives.ReadUInt32LittleEndian(entries[8..]);
        if (size > (uint)(entries.Length - EntryHeaderSize)) return false;
        term = new Term(BinaryPrimitives.ReadUInt64LittleEndian(entries));
        payload = entries.Slice(EntryHeaderSize, (int)size);
        entries = entries[(int)(EntryHeaderSize + size)..];
        return true;
    }
}
