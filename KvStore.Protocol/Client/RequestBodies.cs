using System.Buffers;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;

namespace KvStore.Protocol.Client;

/// <summary>A request as a value that can be encoded for one attempt after the other. Implemented by structs, so that nothing is boxed.</summary>
internal interface IRequestBody
{
    FrameType Type { get; }

    /// <summary>About how many bytes it takes.</summary>
    int Size { get; }

    void Encode(IBufferWriter<byte> output);
}

/// <summary>A put or delete of one key.</summary>
internal readonly struct SingleWrite(WriteKind kind, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, in WriteOptions options) : IRequestBody
{
    private readonly WriteMode _mode = options.Mode == WriteMode.Strong ? WriteMode.Strong : WriteMode.Fast;
    private readonly ulong _ttlMs = options.TtlMs;
    private readonly WriteCondition _condition = options.Condition;
    private readonly ReadOnlyMemory<byte> _requestId = options.RequestId;

    public FrameType Type => FrameType.Write;

    public int Size => key.Length + value.Length;

    public void Encode(IBufferWriter<byte> output) =>
        WriteRequest.Encode(output, _mode, kind, key.Span, value.Span, _ttlMs, _condition, _requestId.Span);
}

/// <summary>Several operations at once.</summary>
internal readonly struct BatchWrite(
    ReadOnlyMemory<WriteOperation> operations, WriteMode mode, bool perPartition, ReadOnlyMemory<byte> requestId, int size) : IRequestBody
{
    public FrameType Type => FrameType.Write;

    public int Size => size;

    public void Encode(IBufferWriter<byte> output) =>
        WriteRequest.Encode(output, mode == WriteMode.Strong ? WriteMode.Strong : WriteMode.Fast, operations.Span, perPartition, requestId.Span);
}

/// <summary>A get of one key.</summary>
internal readonly struct SingleGet(ReadOnlyMemory<byte> key, ReadConsistency consistency, WireRevision atLeast) : IRequestBody
{
    public FrameType Type => FrameType.Get;

    public int Size => key.Length;

    public void Encode(IBufferWriter<byte> output) => GetRequest.Encode(output, consistency, key.Span, atLeast);
}

/// <summary>A get of several keys.</summary>
internal readonly struct MultiGet(GetKey[] keys, ReadConsistency consistency) : IRequestBody
{
    public FrameType Type => FrameType.Get;

    public int Size => keys.Sum(key => key.Key.Length);

    public void Encode(IBufferWriter<byte> output) => GetRequest.Encode(output, consistency, keys);
}

/// <summary>Anything rare.</summary>
internal readonly struct OtherRequest(FrameType type, Action<IBufferWriter<byte>>? encode = null) : IRequestBody
{
    public FrameType Type => type;

    public int Size => 0;

    public void Encode(IBufferWriter<byte> output) => encode?.Invoke(output);
}
