using System.Buffers;
using KvStore.Protocol.Wire;

namespace KvStore.Protocol.Messages;

/// <summary>What an operation does to its key.</summary>
public enum WriteKind : byte
{
    Put = 1,
    Delete = 2,
}

/// <summary>One operation of a batch, on the client's side.</summary>
/// <param name="TtlMs">Time to live in milliseconds, 0 = for ever; puts only.</param>
public readonly record struct WriteOperation(
    WriteKind Kind, ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Value = default, ulong TtlMs = 0, WriteCondition Condition = default);

/// <summary>
/// The body of a write: one operation or an atomic batch.
/// <code>
/// u8 mode, u8 flags (1 per partition), u16 count (1 to 1,000), u8 n + n bytes idempotency id (n = 0: none)
/// each: u8 kind, u8 condition, u16 key length, u32 value length, u64 ttl ms, [condition's operand], key, value
/// </code>
/// Without the flag all keys must share a partition and the batch is atomic; with it each partition's part is atomic and reports its own outcome.
/// </summary>
public static class WriteRequest
{
    internal const int OperationHeadSize = 16;

    public static void Encode(
        IBufferWriter<byte> output, WriteMode mode, WriteKind kind, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value,
        ulong ttlMs = 0, WriteCondition condition = default, ReadOnlySpan<byte> requestId = default)
    {
        var writer = new WireWriter(output);
        Begin(ref writer, mode, perPartition: false, 1, requestId);
        Append(ref writer, kind, key, value, ttlMs, condition);
        writer.Complete();
    }

    public static void Encode(
        IBufferWriter<byte> output, WriteMode mode, ReadOnlySpan<WriteOperation> operations, bool perPartition = false,
        ReadOnlySpan<byte> requestId = default)
    {
        var writer = new WireWriter(output);
        Begin(ref writer, mode, perPartition, operations.Length, requestId);
        foreach (ref readonly var operation in operations)
            Append(ref writer, operation.Kind, operation.Key.Span, operation.Value.Span, operation.TtlMs, operation.Condition);
        writer.Complete();
    }

    private static void Begin(ref WireWriter writer, WriteMode mode, bool perPartition, int count, ReadOnlySpan<byte> requestId)
    {
        writer.UInt8((byte)mode);
        writer.Bool(perPartition);
        writer.Count(count);
        writer.Bytes8(requestId);
    }

    private static void Append(
        ref WireWriter writer, WriteKind kind, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, ulong ttlMs, in WriteCondition condition)
    {
        writer.UInt8((byte)kind);
        writer.UInt8((byte)condition.Kind);
        writer.UInt16(checked((ushort)key.Length));
        writer.UInt32((uint)value.Length);
        writer.UInt64(ttlMs);
        condition.Write(ref writer);
        writer.Bytes(key);
        writer.Bytes(value);
    }
}
