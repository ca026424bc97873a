using System.Buffers;
using KvStore.Protocol.Wire;

namespace KvStore.Protocol.Messages;

/// <summary>Asks where a key lives and what every replica knows of it: u16 n + n bytes key.</summary>
public sealed record ExplainRequest(ReadOnlyMemory<byte> Key)
{
    public void Encode(IBufferWriter<byte> output)
    {
        var writer = new WireWriter(output);
        writer.Bytes16(Key.Span);
        writer.Complete();
    }

    /// <exception cref="WireException">Truncated or malformed.</exception>
    public static ExplainRequest Decode(ReadOnlySpan<byte> body) => new(new WireReader(body).ReadBytes16().ToArray());
}
