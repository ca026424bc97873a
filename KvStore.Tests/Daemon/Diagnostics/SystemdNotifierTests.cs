using System.Globalization;
using System.Net.Sockets;
using System.Text;
using KvStore.Daemon.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Daemon.Diagnostics;

/// <summary>Against a real datagram socket, as systemd holds one.</summary>
public sealed class SystemdNotifierTests
{
    private string _directory = "";

    [SetUp]
    public void CreateDirectory() => _directory = Directory.CreateTempSubdirectory("kvd-notify-").FullName;

    [TearDown]
    public void DeleteDirectory() => Directory.Delete(_directory, recursive: true);

    [TestCase(false)]
    [TestCase(true)]
    public void Each_message_is_one_datagram_to_the_named_socket(bool isAbstract)
    {
        var name = isAbstract ? $"@kvd-test-{Guid.NewGuid():N}" : Path.Combine(_directory, "notify");
        using var systemd = Bind(name);
        using var notifier = Create(("NOTIFY_SOCKET", name));
        notifier.IsActive.ShouldBeTrue();
        notifier.Ready();
        notifier.Status("3 nodes\n256 partitions");
        notifier.ExtendTimeout(TimeSpan.FromSeconds(2));
        notifier.Stopping();
        Receive(systemd).ShouldBe("READY=1");
        Receive(systemd).ShouldBe("STATUS=3 nodes 256 partitions");
        Receive(systemd).ShouldBe("EXTEND_TIMEOUT_USEC=2000000");
        Receive(systemd).ShouldBe("STOPPING=1");
    }

    [TestCase(null)]
    [TestCase("")]
    [TestCase("relative")]
    [TestCase("@")]
    public void Without_a_socket_nothing_happens(string? name)
    {
        using var notifier = name is null ? Create() : Create(("NOTIFY_SOCKET", name), ("WATCHDOG_USEC", "1000"));
        notifier.IsActive.ShouldBeFalse();
        notifier.WatchdogInterval.ShouldBeNull();
        notifier.Ready();
        notifier.Stopping();
    }

    [Test]
    public void A_socket_that_does_not_exist_is_logged_and_survived()
    {
        var log = new CollectedLog();
        using var notifier = SystemdNotifier.FromEnvironment(
            new Dictionary<string, string> { ["NOTIFY_SOCKET"] = Path.Combine(_directory, "absent") }, log);
        notifier.Ready();
        log.Messages.ShouldHaveSingleItem().ShouldContain("READY=1");
    }

    [Test]
    public void The_watchdog_hears_of_us_as_long_as_we_are_alive()
    {
        var name = Path.Combine(_directory, "notify");
        using var systemd = Bind(name);
        using var notifier = Create(("NOTIFY_SOCKET", name), ("WATCHDOG_USEC", "20000"));
        notifier.WatchdogInterval.ShouldBe(TimeSpan.FromMilliseconds(20));
        var asked = 0;
        notifier.StartWatchdog(() => Interlocked.Increment(ref asked) is <= 2 or > 5);
        for (var i = 0; i < 3; i++) Receive(systemd).ShouldBe("WATCHDOG=1");
        asked.ShouldBeGreaterThan(5, "the third sign of life came after we were alive again");
    }

    [Test]
    public void The_watchdog_of_another_process_is_not_ours()
    {
        var ours = Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        (string, string) socket = ("NOTIFY_SOCKET", "/run/x"), interval = ("WATCHDOG_USEC", "1000000");
        using var other = Create(socket, interval, ("WATCHDOG_PID", "1"));
        other.WatchdogInterval.ShouldBeNull();
        using var own = Create(socket, interval, ("WATCHDOG_PID", ours));
        own.WatchdogInterval.ShouldBe(TimeSpan.FromSeconds(1));
    }

    private static SystemdNotifier Create(params (string Name, string Value)[] environment) =>
        SystemdNotifier.FromEnvironment(environment.ToDictionary(v => v.Name, v => v.Value), NullLogger.Instance);

    private static Socket Bind(string name)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { ReceiveTimeout = 10_000 };
        socket.Bind(new UnixDomainSocketEndPoint(name[0] == '@' ? '\0' + name[1..] : name));
        return socket;
    }

    private static string Receive(Socket socket)
    {
        var buffer = new byte[256];
        return Encoding.UTF8.GetString(buffer, 0, socket.Receive(buffer));
    }
}
