using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using KvStore.Bench.Load;

namespace KvStore.Bench.Probes;

/// <summary>A round trip over loopback TCP between two threads that block in the kernel: no event loop, no framing.</summary>
internal static class LoopbackProbe
{
    private const int MessageBytes = 64;

    /// <summary>Median round trip, in microseconds.</summary>
    public static double MedianRoundTripUs(TimeSpan duration)
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(1);
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        client.Connect(listener.LocalEndPoint!);
        using Socket server = listener.Accept();
        server.NoDelay = true;
        var echo = new Thread(() => Echo(server)) { IsBackground = true };
        echo.Start();

        double median = Measure(client, duration).Quantile(0.5) / 1000;
        client.Shutdown(SocketShutdown.Both);
        echo.Join();
        return median;
    }

    private static LatencyHistogram Measure(Socket client, TimeSpan duration)
    {
        var latencies = new LatencyHistogram();
        var message = new byte[MessageBytes];
        long begin = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(begin) < duration)
        {
            long started = Stopwatch.GetTimestamp();
            client.Send(message);
            for (int received = 0; received < MessageBytes;)
                received += client.Receive(message.AsSpan(received));
            latencies.Record((long)Stopwatch.GetElapsedTime(started).TotalNanoseconds);
        }
        return latencies;
    }

    private static void Echo(Socket server)
    {
        var message = new byte[MessageBytes];
        for (int received; (received = server.Receive(message)) > 0;)
            server.Send(message.AsSpan(0, received));
    }
}
