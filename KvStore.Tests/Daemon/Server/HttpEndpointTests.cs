using System.Net;
using System.Net.Sockets;
using System.Text;
using KvStore.Core.Primitives;
using KvStore.Daemon.Server;
using Microsoft.Extensions.Logging.Abstractions;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Daemon.Server;

public sealed class HttpEndpointTests
{
    private const string ValidRequest = "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n";

    private static readonly Dictionary<string, Func<HttpResponse>> Routes = new()
    {
        ["/livez"] = () => HttpResponse.Text(200, "alive\n"),
        ["/readyz"] = () => HttpResponse.Text(503, "replay: not done\n"),
        ["/broken"] = () => throw new InvalidOperationException("secret"),
        ["/large"] = () =>
        {
            Interlocked.Increment(ref _largeAnswers);
            return HttpResponse.Text(200, new string('x', 3_000_000));
        },
    };

    private static int _largeAnswers;

    private HttpEndpoint _endpoint = null!;

    [SetUp]
    public void Start() => _endpoint = Start(TimeSpan.FromSeconds(5));

    [TearDown]
    public async Task Stop() => await _endpoint.DisposeAsync();

    [TestCase("/livez", 200, "alive\n")]
    [TestCase("/livez?verbose=1", 200, "alive\n")]
    [TestCase("/readyz", 503, "replay: not done\n")]
    [TestCase("/broken", 500, "failed, see the log\n")]
    [TestCase("/nothing", 404, "not found; there is /livez, /readyz, /broken, /large\n")]
    public async Task A_path_is_answered_by_its_route(string path, int status, string body)
    {
        using var client = new HttpClient();
        using var response = await client.GetAsync(new Uri($"http://{_endpoint.Address}{path}"));
        ((int)response.StatusCode).ShouldBe(status);
        (await response.Content.ReadAsStringAsync()).ShouldBe(body);
    }

    [Test]
    public async Task A_large_answer_arrives_whole()
    {
        using var client = new HttpClient();
        (await client.GetByteArrayAsync(new Uri($"http://{_endpoint.Address}/large"))).Length.ShouldBe(3_000_000);
    }

    [Test]
    public async Task Head_is_answered_without_a_body()
    {
        var answer = await ExchangeAsync("HEAD /livez HTTP/1.1\r\nHost: x\r\n\r\n");
        answer.ShouldStartWith("HTTP/1.1 200 OK\r\n");
        answer.ShouldContain("Content-Length: 6\r\n");
        answer.ShouldEndWith("\r\n\r\n");
    }

    [TestCase("POST /livez HTTP/1.1\r\n\r\nbody", "HTTP/1.1 405 ")]
    [TestCase("garbage\r\n\r\n", "HTTP/1.1 400 ")]
    [TestCase("\r\n\r\n", "HTTP/1.1 400 ")]
    [TestCase("GET  HTTP/1.1\r\n\r\n", "HTTP/1.1 400 ")]
    [TestCase("GET livez HTTP/1.1\r\n\r\n", "HTTP/1.1 400 ")]
    [TestCase("GET /livez HTTP/2.0\r\n\r\n", "HTTP/1.1 400 ")]
    [TestCase("GET /li vez HTTP/1.1\r\n\r\n", "HTTP/1.1 400 ")]
    [TestCase("get /livez HTTP/1.1\r\n\r\n", "HTTP/1.1 400 ")]
    public async Task Anything_else_is_answered_with_an_error(string request, string answer) =>
        (await ExchangeAsync(request)).ShouldStartWith(answer);

    [Test]
    public async Task A_head_that_does_not_end_is_cut_at_8_KiB_and_the_peer_is_told() =>
        (await ExchangeAsync("GET /livez HTTP/1.1\r\nX: " + new string('a', 100_000))).ShouldStartWith("HTTP/1.1 431 ");

    [Test]
    public async Task A_request_may_come_byte_by_byte()
    {
        using var socket = await ConnectAsync();
        foreach (var part in ValidRequest) await socket.SendAsync(new[] { (byte)part });
        (await ReadToEndAsync(socket)).ShouldEndWith("alive\n");
    }

    [Test]
    public async Task Random_bytes_end_in_an_error_or_a_close_and_others_are_served()
    {
        var seed = (ulong)Environment.TickCount64;
        var random = new Prng(seed);
        for (var i = 0; i < 50; i++)
        {
            using var socket = await ConnectAsync();
            var noise = Enumerable.Range(0, 1 + random.Next(3000)).Select(_ => (byte)random.Next(256)).Concat("\r\n\r\n"u8.ToArray()).ToArray();
            await socket.SendAsync(noise);
            (await ReadToEndAsync(socket)).ShouldStartWith("HTTP/1.1 400 ", customMessage: $"seed {seed}, round {i}");
        }

        (await ExchangeAsync(ValidRequest)).ShouldEndWith("alive\n");
    }

    [Test]
    public async Task Who_sends_nothing_is_disconnected_after_the_time_out()
    {
        await using var impatient = Start(TimeSpan.FromMilliseconds(100));
        using var socket = await ConnectAsync(impatient);
        (await ReadToEndAsync(socket)).ShouldBeEmpty();
    }

    [Test]
    public async Task Who_never_reads_is_disconnected_after_the_time_out()
    {
        await using var impatient = Start(TimeSpan.FromSeconds(2));
        using var socket = await ConnectAsync(impatient);
        var before = Volatile.Read(ref _largeAnswers);
        await socket.SendAsync(Encoding.ASCII.GetBytes("GET /large HTTP/1.1\r\n\r\n"));
        // That a connection is open cannot be waited for: on a busy machine its time may be over before anybody looks.
        Eventually.Holds(() => Volatile.Read(ref _largeAnswers) > before);
        Eventually.Holds(() => impatient.Connections == 0);
    }

    [Test]
    public async Task Idle_connections_give_way_to_a_prober()
    {
        var idle = new List<Socket>();
        try
        {
            for (var i = 0; i < 3 * HttpEndpoint.MaxConnections; i++) idle.Add(await ConnectAsync());
            (await ExchangeAsync(ValidRequest)).ShouldEndWith("alive\n");
            (await ReadToEndAsync(idle[0])).ShouldBeEmpty("the oldest connection gave way");
        }
        finally
        {
            idle.ForEach(s => s.Dispose());
        }
    }

    [Test]
    public async Task The_address_can_be_bound_again_at_once()
    {
        (await ExchangeAsync(ValidRequest)).ShouldEndWith("alive\n");
        var address = _endpoint.Address;
        await _endpoint.DisposeAsync();
        await using var again = HttpEndpoint.Start(address, Routes, NullLogger.Instance);
        (await ExchangeAsync(ValidRequest, again)).ShouldEndWith("alive\n");
    }

    [Test]
    public void An_address_in_use_is_reported() =>
        Should.Throw<SocketException>(() => HttpEndpoint.Start(_endpoint.Address, Routes, NullLogger.Instance));

    private static HttpEndpoint Start(TimeSpan exchangeTimeout) =>
        HttpEndpoint.Start(new IPEndPoint(IPAddress.Loopback, 0), Routes, NullLogger.Instance, exchangeTimeout);

    private async Task<Socket> ConnectAsync(HttpEndpoint? endpoint = null)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync((endpoint ?? _endpoint).Address);
        return socket;
    }

    private async Task<string> ExchangeAsync(string request, HttpEndpoint? endpoint = null)
    {
        using var socket = await ConnectAsync(endpoint);
        await socket.SendAsync(Encoding.ASCII.GetBytes(request));
        return await ReadToEndAsync(socket);
    }

    /// <summary>What the endpoint sent before it closed; a reset counts as a close.</summary>
    private static async Task<string> ReadToEndAsync(Socket socket)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        var received = new MemoryStream();
        var buffer = new byte[65536];
        try
        {
            while (await socket.ReceiveAsync(buffer, deadline.Token) is > 0 and var count) received.Write(buffer, 0, count);
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
        {
        }

        return Encoding.ASCII.GetString(received.ToArray());
    }
}
