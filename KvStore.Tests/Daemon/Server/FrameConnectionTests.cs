using System.Net;
using System.Net.Sockets;
using KvStore.Daemon.Server;
using KvStore.Protocol.Wire;
using KvStore.Tests.Protocol.Client;
using NUnit.Framework;

namespace KvStore.Tests.Daemon.Server;

public sealed class FrameConnectionTests
{
    [Test]
    public async Task A_client_that_is_not_read_from_does_not_count_as_silent()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await client.ConnectAsync(listener.LocalEndPoint!);
        using var connection = new FrameConnection(await listener.AcceptAsync(), 1 << 20);
        var full = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var receiving = connection.ReceiveAsync((in Frame _) => true, () =>
        {
            full.TrySetResult();
            return false;
        });
        await client.SendAsync(new byte[] { 1 });
        await full.Task;
        var last = 0L;
        await Wait.Until(() =>
        {
            var fell = connection.SilentMs < last;
            last = connection.SilentMs;
            return fell;
        }, "the silence begins anew");
        connection.Dispose();
        await receiving;
    }
}
