using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using KvStore.Daemon.Server;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Daemon.Server;

public sealed partial class AcceptLoopTests
{
    private const int OpenFiles = 7; // RLIMIT_NOFILE

    /// <summary>Takes away every descriptor from this process, so nothing may run beside it.</summary>
    [Test, NonParallelizable]
    public async Task Without_descriptors_it_waits_and_goes_on_when_there_are_some()
    {
        using var listener = Listen();
        using var stop = new CancellationTokenSource();
        var log = new CollectedLog();
        var accepted = 0;
        var loop = AcceptLoop.RunAsync(
            listener,
            socket =>
            {
                socket.Dispose();
                Interlocked.Increment(ref accepted);
            },
            log,
            stop.Token);

        using var first = NewSocket();
        using var second = NewSocket();
        await first.ConnectAsync(listener.LocalEndPoint!);
        Eventually.Holds(() => Volatile.Read(ref accepted) == 1);

        getrlimit(OpenFiles, out var before).ShouldBe(0);
        try
        {
            setrlimit(OpenFiles, before with { Soft = LowestFreeDescriptor() }).ShouldBe(0);
            await second.ConnectAsync(listener.LocalEndPoint!);
            Eventually.Holds(() => log.Messages.Count == 1);
        }
        finally
        {
            setrlimit(OpenFiles, before).ShouldBe(0);
        }

        Eventually.Holds(() => Volatile.Read(ref accepted) == 2);
        log.Messages.ShouldHaveSingleItem().ShouldContain("Too many open files");
        await stop.CancelAsync();
        await loop;
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

    private static ulong LowestFreeDescriptor()
    {
        using var file = File.OpenHandle("/dev/null");
        return (ulong)file.DangerousGetHandle();
    }

    [LibraryImport("libc")]
    private static partial int getrlimit(int resource, out Limit limit);

    [LibraryImport("libc")]
    private static partial int setrlimit(int resource, in Limit limit);

    [StructLayout(LayoutKind.Sequential)]
    private record struct Limit(ulong Soft, ulong Hard);
}
