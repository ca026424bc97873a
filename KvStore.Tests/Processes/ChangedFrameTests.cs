using System.Buffers;
using System.Globalization;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;
using KvStore.Tests.Fuzzing;
using KvStore.Tests.Protocol.Messages;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Processes;

/// <summary>
/// Changed frames at the data port and the HTTP port of a running node, for <c>KVD_FUZZ_LIVE_SECONDS</c> (5) each: it does not die, its memory
/// stays bounded, and 16 clients that behave do not notice. The seed is <c>KVD_FUZZ_SEED</c>, drawn and printed if not given.
/// </summary>
[TestFixture]
[NonParallelizable]
internal sealed class ChangedFrameTests
{
    private const long MostGrowthBytes = 512L << 20;

    private static readonly TimeSpan Duration =
        TimeSpan.FromSeconds(double.TryParse(Environment.GetEnvironmentVariable("KVD_FUZZ_LIVE_SECONDS"), CultureInfo.InvariantCulture, out var seconds) ? seconds : 5);

    private static readonly int Seed =
        int.TryParse(Environment.GetEnvironmentVariable("KVD_FUZZ_SEED"), CultureInfo.InvariantCulture, out var seed) ? seed : Environment.TickCount & 0xFFFF;

    private KvdCluster _cluster = null!;
    private SteadyLoad _load = null!;

    private KvdProcess Victim => _cluster.Nodes[0];

    [OneTimeSetUp]
    public void StartCluster() => _cluster = new KvdCluster(KvdCluster.PatientNodes);

    [OneTimeTearDown]
    public void StopCluster() => _cluster.Dispose();

    [SetUp]
    public async Task StartLoad()
    {
        _load = await SteadyLoad.StartAsync(_cluster);
        _load.Advance(500);
    }

    [TearDown]
    public async Task TheLoadGoesOnWithoutErrors()
    {
        try
        {
            _cluster.Nodes.ShouldAllBe(n => n.IsRunning);
            _load.Advance(500);
        }
        finally
        {
            await _load.DisposeAsync();
        }
    }

    /// <summary>Bodies of requests with a frame around them that is right: they reach the decoders and, where they decode, the coordinator.</summary>
    [Test]
    public Task Changed_requests() => AttackAsync(
        random => Frame(random, (FrameType)(random.Next(8) == 0 ? random.Next(256) : random.Next(0x10, 0x28)), new Mutator(random).Change(Body(random), Body(random))),
        node => RawConnection.GreetAsync(node));

    /// <summary>Frames changed as they are, checksum and all, in the middle of a stream.</summary>
    [Test]
    public Task Changed_frames() => AttackAsync(
        random => new Mutator(random).Change(Frame(random, FrameType.Get, Body(random)), Frame(random, FrameType.Write, Body(random))),
        node => RawConnection.GreetAsync(node));

    /// <summary>Handshakes of clients and of peers that cannot prove anything, and peer frames on a connection that is not a peer's.</summary>
    [Test]
    public Task Changed_handshakes() => AttackAsync(
        random => Frame(random, random.Next(4) == 0 ? (FrameType)random.Next(0x40, 0x50) : FrameType.Hello, new Mutator(random).Change(Greeting(random), Greeting(random))),
        node => RawConnection.OpenAsync(node));

    private static byte[] Body(Random random) => RandomMessages.All[random.Next(RandomMessages.All.Length)].Make(random);

    private static byte[] Greeting(Random random) => RandomMessages.Bytes(new Hello
    {
        Role = (ConnectionRole)random.Next(1, 3),
        Lane = (ConnectionLane)random.Next(4),
        Node = (ushort)random.Next(1, 4),
        AuthNonce = new byte[random.Next(2) * 16],
    }.Encode);

    private static byte[] Frame(Random random, FrameType type, byte[] body)
    {
        var frame = new ArrayBufferWriter<byte>();
        FrameWriter.Write(frame, type, (ulong)random.Next(), body, new FrameOptions(random.Next(3) == 0 ? (uint)random.Next() : 0, Compress: random.Next(4) == 0));
        return frame.WrittenSpan.ToArray();
    }

    /// <summary>Four at a time, each sending up to a hundred inputs on a connection, until it is closed.</summary>
    private async Task AttackAsync(Func<Random, byte[]> make, Func<KvdProcess, Task<RawConnection>> connect)
    {
        var before = Victim.ResidentBytes;
        using var enough = new CancellationTokenSource(Duration);
        var sent = await Task.WhenAll(Enumerable.Range(0, 4).Select(i => AttackAsync(new Random(Seed + i), make, connect, enough.Token)));
        var grown = Victim.ResidentBytes - before;
        await TestContext.Out.WriteLineAsync($"seed {Seed}: {sent.Sum()} inputs; {grown >> 20} MiB more");
        _cluster.Nodes.ShouldAllBe(n => n.IsRunning, $"seed {Seed}");
        grown.ShouldBeLessThan(MostGrowthBytes, $"seed {Seed}");
        Victim.Log.ShouldNotContain("ended by a bug", Case.Sensitive, $"seed {Seed}");
        _load.ShouldHaveNoErrors();
    }

    private async Task<long> AttackAsync(Random random, Func<Random, byte[]> make, Func<KvdProcess, Task<RawConnection>> connect, CancellationToken enough)
    {
        var sent = 0L;
        try
        {
            while (!enough.IsCancellationRequested)
            {
                using var connection = await connect(Victim);
                var drained = connection.IsClosedWithinAsync(Duration);
                for (var left = random.Next(1, 100); left > 0 && !drained.IsCompleted && await connection.TrySendAsync(make(random), enough); left--) sent++;
            }
        }
        catch (OperationCanceledException)
        {
            // Enough.
        }

        return sent;
    }
}
