using System.Buffers;
using KvStore.Protocol.Wire;

namespace KvStore.Protocol.Messages;

/// <summary>One key of a get, on the client's side.</summary>
/// <param name="AtLeast">The answering replica must have reached this revision of the key's partition; <see cref="WireRevision.None"/> = any state will do.</param>
public readonly record struct GetKey(ReadOnlyMemory<byte> Key, WireRevision AtLeast = default);

/// <summary>
/// The body of a get.
/// <code>
/// u8 consistency, u8 reserved 0, u16 count (1 to 1,000)
/// each: u16 key length, u8 1 = a revision follows, 0 = none, [revision at least], key
/// </code>
/// </summary>
public static class GetRequest
{
    internal const int KeyMinSize = 3;

    public static void Encode(IBufferWriter<byte> output, ReadConsistency consistency, ReadOnlySpan<byte> key, WireRevision atLeast = default)
    {
        var writer = new WireWriter(output);
        Begin(ref writer, consistency, 1);
        Append(ref writer, key, atLeast);
        writer.Complete();
    }

    public static void Encode(IBufferWriter<byte> output, ReadConsistency consistency, ReadOnlySpan<GetKey> keys)
    {
        var writer = new WireWriter(output);
        Begin(ref writer, consistency, keys.Length);
        foreach (ref readonly var key in keys) Append(ref writer, key.Key.Span, key.AtLeast);
        writer.Complete();
    }

    private static void Begin(ref WireWriter writer, ReadConsistency consistency, int count)
    {
        writer.UInt8((byte)consistency);
        writer.UInt8(0);
        writer.Count(count);
    }

    private static void Append(ref WireWriter writer, ReadOnlySpan<byte> key, in WireRevision atLeast)
    {
        writer.UInt16(checked((ushort)key.Length));
        writer.Bool(!atLeast.IsNone);
        if (!atLeast.IsNone) atLeast.Write(ref writer);
        writer.Bytes(key);
    }
}
