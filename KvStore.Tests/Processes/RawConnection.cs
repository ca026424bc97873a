using System.Buffers;
using System.Net;
using System.Net.Sockets;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;

namespace KvStore.Tests.Processes;

/// <summary>A socket to a node on which a test can send what no well-behaved client would.</summary>
internal sealed class RawConnection : IDisposable
{
    private readonly Socket _socket;

    private RawConnection(Socket socket) => _socket = socket;

    /// <summary>TCP only: the node waits for a Hello.</summary>
    public static async Task<RawConnection> OpenAsync(KvdProcess node, int receiveBufferBytes = 0)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        if (receiveBufferBytes > 0) socket.ReceiveBufferSize = receiveBufferBytes;
        await socket.ConnectAsync(IPAddress.Loopback, node.Port);
        return new RawConnection(socket);
    }

    /// <summary>With the handshake done, as a client.</summary>
    public static async Task<RawConnection> GreetAsync(KvdProcess node, int receiveBufferBytes = 0)
    {
        var connection = await OpenAsync(node, receiveBufferBytes);
        await connection._socket.SendAsync(HelloFrame());
        var ack = new byte[1024];
        if (await connection._socket.ReceiveAsync(ack) < Frame.HeaderSize || ack[8] != (byte)FrameType.HelloAck)
            throw new InvalidOperationException($"{node.Name} did not greet back: type {ack[8]}");
        return connection;
    }

    public static byte[] HelloFrame() => FrameOf(FrameType.Hello, 0, new Hello { Name = "raw" }.Encode);

    public static byte[] FrameOf(FrameType type, ulong requestId, Action<IBufferWriter<byte>> encode)
    {
        var body = new ArrayBufferWriter<byte>();
        encode(body);
        var frame = new ArrayBufferWriter<byte>();
        FrameWriter.Write(frame, type, requestId, body.WrittenSpan);
        return frame.WrittenSpan.ToArray();
    }

    /// <summary>Sends all of it; false when the other side has closed.</summary>
    public async Task<bool> TrySendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellation = default)
    {
        try
        {
            while (bytes.Length > 0) bytes = bytes[await _socket.SendAsync(bytes, SocketFlags.None, cancellation)..];
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <summary>Reads and forgets until the other side closes; false if it does not within <paramref name="patience"/>.</summary>
    public async Task<bool> IsClosedWithinAsync(TimeSpan patience)
    {
        using var deadline = new CancellationTokenSource(patience);
        var buffer = new byte[4096];
        try
        {
            while (await _socket.ReceiveAsync(buffer, SocketFlags.None, deadline.Token) > 0)
            {
            }

            return true;
        }
        catch (SocketException)
        {
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>Answers whatever comes with a Pong until the other side closes, as an idle client does. Ends without an exception.</summary>
    public async Task StayAsync()
    {
        var pong = FrameOf(FrameType.Pong, 0, _ => { });
        var buffer = new byte[64];
        try
        {
            while (await _socket.ReceiveAsync(buffer) > 0) await _socket.SendAsync(pong);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Closed, by either side.
        }
    }

    public void Dispose() => _socket.Dispose();
}
