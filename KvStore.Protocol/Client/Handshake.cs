using System.IO.Pipelines;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;

namespace KvStore.Protocol.Client;

/// <summary>The client's half of the handshake: Hello out, HelloAck or Error in.</summary>
internal static class Handshake
{
    /// <exception cref="KvException">The server refused, or speaks something else.</exception>
    public static async Task<HelloAck> RunAsync(IDuplexPipe connection, KvClientOptions options, CancellationToken cancellation)
    {
        var hello = new Hello { Name = options.Name, ClusterId = options.ClusterId };
        using (var body = new FrameBuffer())
        {
            hello.Encode(body);
            FrameWriter.Write(connection.Output, FrameType.Hello, 0, body.Written);
        }

        await connection.Output.FlushAsync(cancellation).ConfigureAwait(false);
        while (true)
        {
            var read = await connection.Input.ReadAsync(cancellation).ConfigureAwait(false);
            var buffer = read.Buffer;
            if (TryReadAnswer(ref buffer, out var ack))
            {
                connection.Input.AdvanceTo(buffer.Start);
                return ack;
            }

            connection.Input.AdvanceTo(buffer.Start, buffer.End);
            if (read.IsCompleted) throw new KvException(KvError.Unreachable, "the connection was closed during the handshake");
        }
    }

    private static bool TryReadAnswer(ref System.Buffers.ReadOnlySequence<byte> buffer, out HelloAck ack)
    {
        ack = null!;
        try
        {
            if (!FrameReader.TryRead(ref buffer, Limits.HandshakeFrameBytes, out var frame)) return false;
            using var body = FrameBody.Open(frame, Limits.HandshakeFrameBytes);
            if (frame.Type == FrameType.Error) throw new KvException(ErrorReply.Decode(body.Span), Outcome.None);
            if (frame.Type != FrameType.HelloAck) throw new WireException(WireError.Malformed, $"type {(byte)frame.Type} instead of HelloAck");
            ack = HelloAck.Decode(body.Span);
            return ack.Version is >= ProtocolVersion.Min and <= ProtocolVersion.Max
                ? true
                : throw new KvException(KvError.UnsupportedVersion, $"the server chose version {ack.Version}, which was not offered");
        }
        catch (WireException exception)
        {
            throw new KvException(KvError.ProtocolViolation, $"not a kvd server: {exception.Message}");
        }
    }
}
