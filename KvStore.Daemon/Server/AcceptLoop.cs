using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;

namespace KvStore.Daemon.Server;

/// <summary>Accepts connections until cancelled, and survives what accept can report.</summary>
public static class AcceptLoop
{
    private static readonly TimeSpan BackOff = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// Hands every connection to <paramref name="accepted"/>, which owns the socket from then on and must not block or throw.
    /// Returns when <paramref name="stop"/> is cancelled or the listener is disposed.
    /// </summary>
    public static Task RunAsync(Socket listener, Action<Socket> accepted, ILogger log, CancellationToken stop) =>
        RunAsync(listener.AcceptAsync, () => listener.SafeHandle.IsClosed, listener.LocalEndPoint!, accepted, log, stop);

    /// <summary>The loop alone, for tests that let accept fail.</summary>
    internal static async Task RunAsync(
        Func<CancellationToken, ValueTask<Socket>> accept, Func<bool> isClosed, EndPoint address, Action<Socket> accepted, ILogger log, CancellationToken stop)
    {
        var failing = false;
        while (!stop.IsCancellationRequested)
        {
            try
            {
                accepted(await accept(stop));
                failing = false;
            }
            catch (SocketException e) when (!stop.IsCancellationRequested && !isClosed())
            {
                // Out of descriptors (EMFILE, ENFILE) the connection stays in the backlog and accept fails again at once:
                // without the pause this would spin, and without the catch it would end the process.
                if (!failing) log.LogWarning("accept on {Address} failed: {Reason}; trying again", address, e.Message);
                failing = true;
                await Task.Delay(BackOff, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException or SocketException)
            {
                return;
            }
        }
    }
}
