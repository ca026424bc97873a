using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Logging;

namespace KvStore.Daemon.Diagnostics;

/// <summary>
/// Tells systemd how the service is (sd_notify(3)): one datagram of KEY=VALUE lines to the socket named by NOTIFY_SOCKET.
/// Without that variable every call does nothing. A message that cannot be sent is logged: the service runs on, systemd will draw its conclusions.
/// </summary>
public sealed class SystemdNotifier : IDisposable
{
    private readonly UnixDomainSocketEndPoint? _address;
    private readonly TimeSpan? _watchdogInterval;
    private readonly ILogger _log;
    private Timer? _watchdog;

    private SystemdNotifier(UnixDomainSocketEndPoint? address, TimeSpan? watchdogInterval, ILogger log) =>
        (_address, _watchdogInterval, _log) = (address, watchdogInterval, log);

    /// <summary>True if there is a service manager to talk to.</summary>
    public bool IsActive => _address is not null;

    /// <summary>How long systemd waits for a sign of life before it kills the service; null if it does not (WATCHDOG_USEC, WATCHDOG_PID).</summary>
    public TimeSpan? WatchdogInterval => _watchdogInterval;

    /// <summary>Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID.</summary>
    public static SystemdNotifier FromEnvironment(IReadOnlyDictionary<string, string> environment, ILogger log)
    {
        var socket = environment.GetValueOrDefault("NOTIFY_SOCKET", "");
        if (socket.Length < 2 || socket[0] is not ('/' or '@')) return new SystemdNotifier(null, null, log);

        // "@name" is a name in the abstract space, which the kernel writes with a leading zero byte.
        var address = new UnixDomainSocketEndPoint(socket[0] == '@' ? '\0' + socket[1..] : socket);
        return new SystemdNotifier(address, ReadWatchdogInterval(environment), log);
    }

    /// <summary>The service is up: it listens. Call it after bind, not before.</summary>
    public void Ready() => Send("READY=1");

    /// <summary>The service is about to end.</summary>
    public void Stopping() => Send("STOPPING=1");

    /// <summary>One line for `systemctl status`.</summary>
    public void Status(string line) => Send("STATUS=" + line.ReplaceLineEndings(" "));

    /// <summary>A stop that takes longer than TimeoutStopSec asks for more time, counted from now.</summary>
    public void ExtendTimeout(TimeSpan more) => Send(string.Create(CultureInfo.InvariantCulture, $"EXTEND_TIMEOUT_USEC={(long)more.TotalMicroseconds}"));

    /// <summary>If systemd watches: gives a sign of life at half the interval as long as <paramref name="isAlive"/> says so.</summary>
    public void StartWatchdog(Func<bool> isAlive)
    {
        if (_watchdogInterval is not { } interval || _watchdog is not null) return;
        _watchdog = new Timer(_ => { if (isAlive()) Send("WATCHDOG=1"); }, null, TimeSpan.Zero, interval / 2);
    }

    public void Dispose() => _watchdog?.Dispose();

    private static TimeSpan? ReadWatchdogInterval(IReadOnlyDictionary<string, string> environment)
    {
        if (!long.TryParse(environment.GetValueOrDefault("WATCHDOG_USEC"), NumberStyles.None, CultureInfo.InvariantCulture, out var microseconds)) return null;
        if (microseconds == 0) return null;
        var forUs = !environment.TryGetValue("WATCHDOG_PID", out var pid) || pid == Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        return forUs ? TimeSpan.FromMicroseconds(microseconds) : null;
    }

    private void Send(string message)
    {
        if (_address is null) return;
        try
        {
            using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
            socket.SendTo(Encoding.UTF8.GetBytes(message), _address);
        }
        catch (SocketException e)
        {
            _log.LogWarning("systemd was not told {Message}: {Reason}", message, e.Message);
        }
    }
}
