using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using KvStore.Daemon.Server;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Daemon.Server;

public sealed class AcceptLoopTests
{
    /// <summary>
    /// Accept is made to fail here: taking all descriptors from the process that runs the tests would take them from the runtime too,
    /// which then aborts.
    /// </summary>
    [Test]
    public async Task Without_descriptors_it_waits_says_so_once_and_goes_on_when_there_are_some()
    {
        using var listener = Listen();
        using var client = NewSocket();
        using var stop = new CancellationTokenSource();
        var log = new CollectedLog();
        var failures = 0;
        var accepted = new TaskCompletionSource<Socket>();
        var watch = Stopwatch.StartNew();
        var loop = AcceptLoop.RunAsync(
            token => ++failures <= 3 ? throw new SocketException((int)SocketError.TooManyOpenSockets) : listener.AcceptAsync(token),
            () => false, listener.LocalEndPoint!, accepted.SetResult, log, stop.Token);
        await client.ConnectAsync(listener.LocalEndPoint!);
        (await accepted.Task.WaitAsync(TimeSpan.FromSeconds(10))).Dispose();
        watch.Elapsed.ShouldBeGreaterThan(TimeSpan.FromMilliseconds(250), "three pauses");
        log.Messages.ShouldHaveSingleItem().ShouldContain(listener.LocalEndPoint!.ToString()!);
        await stop.CancelAsync();
        await loop.WaitAsync(TimeSpan.FromSeconds(10));
    }

    [Test]
    public async Task It_can_be_stopped_while_accept_fails()
    {
        using var stop = new CancellationTokenSource();
        var log = new CollectedLog();
        var loop = AcceptLoop.RunAsync(
            _ => throw new SocketException((int)SocketError.TooManyOpenSockets),
            () => false, new IPEndPoint(IPAddress.Loopback, 1), _ => { }, log, stop.Token);
        Eventually.Holds(() => log.Messages.Count == 1);
        await stop.CancelAsync();
        await loop.WaitAsync(TimeSpan.FromSeconds(10));
    }

    [Test]
    public async Task It_ends_when_the_listener_is_disposed()
    {
        var listener = Listen();
        var loop = AcceptLoop.RunAsync(listener, socket => socket.Dispose(), new CollectedLog(), CancellationToken.None);
        listener.Dispose();
        await loop.WaitAsync(TimeSpan.FromSeconds(10));
    }

    private static Socket Listen()
    {
        var listener = NewSocket();
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        return listener;
    }

    private static Socket NewSocket() => new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
}
