using System.Diagnostics;
using KvStore.Core.Io;
using KvStore.Core.Primitives;
using KvStore.Core.Storage;
using KvStore.Core.Storage.Wal;

namespace KvStore.Bench.Engine;

/// <summary>Log and storage engine as a node uses them: an entry goes to the log and, as soon as it may, to its partition's memtable. 16 partitions, each written by one thread.</summary>
internal sealed class KvdStore : IStore
{
    public const int Partitions = 16;

    /// <summary>Of the log: submitted and not yet synced.</summary>
    private const long MostPendingBytes = 16 << 20;

    private readonly OsFileSystem _fs = new();
    private readonly string _directory;
    private readonly long _memTableBytes;
    private readonly long _cacheBytes;
    private readonly ThreadPoolScheduler _scheduler = new(e => Environment.FailFast("a lane failed", e));
    private readonly Slot[] _slots = [.. Enumerable.Range(0, Partitions).Select(_ => new Slot())];
    private long _longestStallNs;
    private long _longestLogWaitNs;
    private StorageEngine _engine = null!;
    private WriteAheadLog _log = null!;
    private Listener _listener = null!;

    public KvdStore(string directory, long memTableBytes, long cacheBytes)
    {
        _directory = directory;
        _memTableBytes = memTableBytes;
        _cacheBytes = cacheBytes;
        Open();
    }

    public string Name => "kvd";

    public long WrittenBytes => _engine.ReadStatistics() is var s ? s.FlushedBytes + s.CompactedBytes : 0;

    /// <summary>The engine's levels and memory in a line.</summary>
    public string Describe()
    {
        var s = _engine.ReadStatistics();
        var levels = string.Join(' ', s.Levels.Select(level => $"{level.Tables}/{level.Bytes >> 20}M"));
        return $"memtables {s.MemTableBytes >> 20}M arenas {s.ArenaBytes >> 20}+{s.FreeArenaBytes >> 20}M cache {s.CacheBytes >> 20}M levels {levels} {s.Pressure} heap {GC.GetTotalMemory(false) >> 20}M, longest stall {_longestStallNs / 1000000} ms, wait for log {_longestLogWaitNs / 1000000} ms";
    }

    /// <summary>What belongs to one partition and the thread that writes it.</summary>
    private sealed class Slot
    {
        public PartitionStore Store = null!;
        public readonly WalWriteBuffer Buffer = new();
        public readonly byte[] Payload = new byte[BenchKeys.KeyBytes + (1 << 20)];
        public readonly byte[] Key = new byte[BenchKeys.KeyBytes];
        public readonly WalAddress[] Addresses = new WalAddress[1];
        public readonly SemaphoreSlim Durable = new(0);
        public ulong AwaitedLsn;
        public ulong Index;
    }

    public void Put(int thread, long key, ReadOnlySpan<byte> value, bool sync)
    {
        var id = (int)(key % Partitions);
        var slot = _slots[id];
        Hold(value.Length);
        var index = new LogIndex(++slot.Index);
        var state = new AppliedState(index, new Term(1), index.Value << 16);
        BenchKeys.Write(key, slot.Payload);
        value.CopyTo(slot.Payload.AsSpan(BenchKeys.KeyBytes));
        slot.Buffer.AddEntry(slot.Store.Id, state.Term, index, slot.Payload.AsSpan(0, BenchKeys.KeyBytes + value.Length));
        var lsn = _log.Submit(slot.Buffer, slot.Addresses);
        if (sync) WaitFor(slot, lsn);
        var revision = new Revision(new Core.Primitives.Version(state.Term, index), new HybridTimestamp(state.LogTime, new NodeId(1)));
        slot.Store.Put(index, slot.Payload.AsSpan(0, BenchKeys.KeyBytes), value, new RecordInfo(revision, 0, false));
        slot.Store.Publish(state);
    }

    public int Get(int thread, long key)
    {
        Span<byte> bytes = stackalloc byte[BenchKeys.KeyBytes];
        BenchKeys.Write(key, bytes);
        using var view = _slots[(int)(key % Partitions)].Store.Pin();
        return view.TryGet(bytes, true, out _, out var value) ? value.Length : -1;
    }

    public long ScanAll()
    {
        long count = 0;
        foreach (var slot in _slots)
        {
            using var view = slot.Store.Pin();
            for (var records = view.Scan([], [], true); records.MoveNext();) count += records.Value.Length > 0 ? 1 : 0;
        }

        return count;
    }

    public void Settle()
    {
        _engine.FlushAll();
        for (long before = -1; before != WrittenBytes; Thread.Sleep(300)) before = WrittenBytes;
    }

    public void Reopen()
    {
        Close();
        Open();
    }

    public void Dispose() => Close();

    private void Open()
    {
        _listener = new Listener(this);
        var options = new StorageOptions { MemTableBytes = _memTableBytes, BlockCacheBytes = _cacheBytes };
        _engine = StorageEngine.Open(_fs, $"{_directory}/storage", options, _scheduler, new SystemClock(), _listener);
        _fs.CreateDirectory($"{_directory}/wal");
        for (var id = 0; id < Partitions; id++)
        {
            var store = _engine.Find(new PartitionId((ushort)id)) ?? _engine.CreatePartition(new PartitionId((ushort)id), "bench"u8);
            _slots[id].Store = store;
            _slots[id].Index = store.Applied.Index.Value;
        }

        var identity = new WalIdentity(1, new NodeId(1), 1);
        _log = WriteAheadLog.Open(_fs, $"{_directory}/wal", new WalOptions(), identity, new SystemClock(), _scheduler, _listener, new Replay(this)).Log!;
        foreach (var slot in _slots) _log.SetApplied(slot.Store.Id, slot.Store.Durable.Index);
    }

    private void Close()
    {
        _log.Stop();
        _log.Dispose();
        _engine.Dispose();
    }

    /// <summary>What a node does before it lets a write into the log.</summary>
    private void Hold(int bytes)
    {
        if (_engine.Pressure >= WritePressure.Stall) _longestStallNs = Math.Max(_longestStallNs, TimeOf(() => _engine.Pressure >= WritePressure.Stall));
        if (_log.PendingBytes > MostPendingBytes) _longestLogWaitNs = Math.Max(_longestLogWaitNs, TimeOf(() => _log.PendingBytes > MostPendingBytes));
        if (_engine.TryPaceWrite(bytes, out var pauseNs) && pauseNs > 0) Thread.Sleep(TimeSpan.FromMicroseconds(pauseNs / 1000));
    }

    private static long TimeOf(Func<bool> condition)
    {
        var start = Stopwatch.GetTimestamp();
        for (var wait = new SpinWait(); condition();) wait.SpinOnce();
        return (long)Stopwatch.GetElapsedTime(start).TotalNanoseconds;
    }

    private void WaitFor(Slot slot, Lsn lsn)
    {
        Volatile.Write(ref slot.AwaitedLsn, lsn.Value);
        Interlocked.MemoryBarrier();
        if (_log.Durable >= lsn && Interlocked.Exchange(ref slot.AwaitedLsn, 0) != 0) return;
        slot.Durable.Wait();
    }

    private sealed class Listener(KvdStore store) : IStorageListener, IWalListener
    {
        public void OnFlushed(PartitionId p, AppliedState durable) => store._log.SetApplied(p, durable.Index);

        public void OnFailed(Exception cause) => Environment.FailFast("the disk failed", cause);

        public void OnCorruption(CorruptionException e, PartitionId? p) => Environment.FailFast("damaged", e);

        public void OnDurable(Lsn through)
        {
            foreach (var slot in store._slots)
            {
                var awaited = Volatile.Read(ref slot.AwaitedLsn);
                if (awaited != 0 && awaited <= through.Value && Interlocked.CompareExchange(ref slot.AwaitedLsn, 0, awaited) == awaited) slot.Durable.Release();
            }
        }

        public void OnSegmentRecycled(IReadOnlyDictionary<PartitionId, LogIndex> lastGone)
        {
        }

        public void OnSpaceWanted(IReadOnlyDictionary<PartitionId, LogIndex> lastEntries) => store._engine.RequestFlush();

        public void OnSync(long durationNs, int records, int bytes)
        {
        }
    }

    /// <summary>Applies what the tables do not have.</summary>
    private sealed class Replay(KvdStore store) : IWalReplay
    {
        public void OnHardState(PartitionId partition, Lsn lsn, HardStateRecord state)
        {
        }

        public void OnEntry(PartitionId partition, Term term, LogIndex index, Lsn lsn, WalAddress address, ReadOnlySpan<byte> payload)
        {
            var slot = store._slots[partition.Value];
            if (index <= slot.Store.Applied.Index) return;
            var state = new AppliedState(index, term, index.Value << 16);
            var revision = new Revision(new Core.Primitives.Version(term, index), new HybridTimestamp(state.LogTime, new NodeId(1)));
            slot.Store.Put(index, payload[..BenchKeys.KeyBytes], payload[BenchKeys.KeyBytes..], new RecordInfo(revision, 0, false));
            slot.Store.Publish(state);
            slot.Index = index.Value;
        }

        public void OnTruncate(PartitionId partition, Lsn lsn, LogIndex from)
        {
        }

        public void OnAppliedSnapshot(PartitionId partition, Lsn lsn, LogIndex index, Term term)
        {
        }

        public void OnRecord(WalRecordType type, PartitionId partition, Lsn lsn, ReadOnlySpan<byte> payload)
        {
        }
    }
}
