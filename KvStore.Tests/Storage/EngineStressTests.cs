using KvStore.Core.Io;
using KvStore.Core.Primitives;
using KvStore.Core.Storage;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Storage;

/// <summary>
/// Real threads on a real disk: readers against freeze, flush, compaction, overlay rotation, snapshot installation and drops. Freed arenas and
/// blocks are overwritten, so that a reader of freed memory reads a value that cannot be right.
/// </summary>
public sealed class EngineStressTests
{
    private const int Keys = 400;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly long DurationMs = long.TryParse(Environment.GetEnvironmentVariable("KVD_STRESS_MS"), out var ms) ? ms : 3_000;

    private string _directory = "";

    [SetUp]
    public void CreateDirectory() => _directory = System.IO.Directory.CreateTempSubdirectory("kvd-stress-").FullName;

    [TearDown]
    public void DeleteDirectory() => System.IO.Directory.Delete(_directory, recursive: true);

    [Test]
    public void Readers_see_only_states_that_existed()
    {
        var fatal = new List<Exception>();
        var scheduler = new ThreadPoolScheduler(e =>
        {
            lock (fatal) fatal.Add(e);
        });
        var listener = new RecordingListener();
        using var engine = StorageEngine.Open(new OsFileSystem(), _directory, SimEngine.SmallOptions, scheduler, new SystemClock(), listener);
        var stores = Enumerable.Range(0, 3).Select(id => engine.CreatePartition(new PartitionId((ushort)id), "c"u8)).ToArray();
        using var stop = new CancellationTokenSource();
        var threads = new List<Thread>();
        void Start(string name, Action body) => threads.Add(new Thread(() =>
        {
            try
            {
                while (!stop.IsCancellationRequested) body();
            }
            catch (Exception e)
            {
                lock (fatal) fatal.Add(new InvalidOperationException($"{name}: {e.Message}", e));
            }
        })
        { Name = name });

        var writer = new Writer(engine, stores, new Prng(1));
        Start("writer", writer.WriteEntry);
        for (ulong reader = 0; reader < 3; reader++)
        {
            var random = new Prng(reader + 10);
            Start($"reader {reader}", () => ReadOnce(stores[random.Next(stores.Length)], random));
        }

        foreach (var thread in threads) thread.Start();
        var until = Environment.TickCount64 + DurationMs;
        // On a busy machine the time may pass before much has happened, and then nothing was tested.
        Eventually.Holds(() => (Environment.TickCount64 >= until && HasWorked(engine.ReadStatistics())) || fatal.Count > 0, TimeSpan.FromMilliseconds(DurationMs) + Patience);
        stop.Cancel();
        foreach (var thread in threads) thread.Join();
        fatal.ShouldBeEmpty();
        listener.Failures.ShouldBeEmpty();
        listener.Corruptions.ShouldBeEmpty();
        var statistics = engine.ReadStatistics();
        TestContext.Out.WriteLine($"{writer.Entries} entries, {statistics.Flushes} flushes, {statistics.Compactions} compactions");
        HasWorked(statistics).ShouldBeTrue();
    }

    private static bool HasWorked(StorageStatistics statistics) => statistics is { Flushes: > 3, Compactions: > 1 };

    /// <summary>
    /// Every entry writes the same number to a pair of keys; every key's number only grows. So a view in which the two of a pair differ, or
    /// a number that goes back, is a state that never existed.
    /// </summary>
    private sealed class Writer(StorageEngine engine, PartitionStore[] stores, Prng random)
    {
        private readonly ulong[] _indexes = new ulong[stores.Length];
        private readonly byte[] _value = new byte[4096];

        public ulong Entries { get; private set; }

        public void WriteEntry()
        {
            for (var wait = new SpinWait(); engine.Pressure == WritePressure.Stall;) wait.SpinOnce();
            var at = random.Next(stores.Length);
            var store = stores[at];
            var index = new LogIndex(++_indexes[at]);
            var pair = random.Next(Keys);
            var value = _value.AsSpan(0, random.Next(16, random.Chance(1, 50) ? 4096 : 100));
            value.Fill((byte)index.Value);
            BitConverter.TryWriteBytes(value, index.Value);
            if (random.Chance(1, 2))
            {
                store.OverlayPut(index, KeyOf(pair, 0), value, Records.Info(index.Value));
                store.OverlayPut(index, KeyOf(pair, 1), value, Records.Info(index.Value));
                store.PublishOverlay(index);
            }

            store.Put(index, KeyOf(pair, 0), value, Records.Info(index.Value));
            store.Put(index, KeyOf(pair, 1), value, Records.Info(index.Value));
            store.Publish(Records.State(index.Value));
            Entries++;
            if (random.Chance(1, 20_000)) store.OverlayTruncate(index.Next);
        }
    }

    private static byte[] KeyOf(int pair, int side) => Records.Key($"pair{pair:D4}/{side}");

    private static void ReadOnce(PartitionStore store, Prng random)
    {
        using var view = store.Pin();
        if (random.Chance(1, 100))
        {
            Scan(view, random.Chance(1, 2));
            return;
        }

        var overlay = random.Chance(1, 2);
        var pair = random.Next(Keys);
        var first = Read(view, pair, 0, overlay);
        var second = Read(view, pair, 1, overlay);
        second.ShouldBe(first, $"pair {pair} at {view.ReadIndex}");
        if (!overlay) first.ShouldBeLessThanOrEqualTo(view.ReadIndex.Value);
    }

    private static ulong Read(in ReadView view, int pair, int side, bool overlay)
    {
        if (!view.TryGet(KeyOf(pair, side), overlay, out var info, out var value)) return 0;
        return Check(info, value);
    }

    private static void Scan(in ReadView view, bool overlay)
    {
        ulong last = 0;
        var count = 0;
        for (var records = view.Scan([], [], overlay); records.MoveNext(); count++)
        {
            var number = Check(records.Info, records.Value);
            if (count % 2 == 1) number.ShouldBe(last);
            last = number;
        }

        (count % 2).ShouldBe(0);
    }

    private static ulong Check(in RecordInfo info, ReadOnlySpan<byte> value)
    {
        var number = BitConverter.ToUInt64(value);
        info.Revision.Version.Index.Value.ShouldBe(number);
        value[8..].ContainsAnyExcept((byte)number).ShouldBeFalse("a value of another record, or freed memory");
        return number;
    }
}
