using BenchmarkDotNet.Attributes;
using KvStore.Bench.Processes;
using KvStore.Core.Io;
using KvStore.Core.Primitives;
using KvStore.Core.Storage.Wal;

namespace KvStore.Bench.Micro;

/// <summary>
/// A durable append to the log of the real disk (below /var/tmp): one submission of as many
/// 300-byte entries as `Entries` says, until its fdatasync has returned.
/// </summary>
[MemoryDiagnoser]
public class WalBenchmarks
{
    private readonly WalWriteBuffer _buffer = new();
    private readonly byte[] _entry = new byte[300];
    private DataDirectory _directory = null!;
    private WriteAheadLog _log = null!;
    private DurableSignal _signal = null!;
    private WalAddress[] _addresses = [];
    private ulong _index;

    [Params(1, 64)]
    public int Entries { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _directory = new DataDirectory("/var/tmp", "wal");
        _addresses = new WalAddress[Entries];
        _signal = new DurableSignal();
        var identity = new WalIdentity(1, new NodeId(1), 1);
        _log = WriteAheadLog.Open(
            new OsFileSystem(), _directory.Path, new WalOptions(), identity, new SystemClock(),
            new ThreadPoolScheduler(static error => Environment.FailFast(error.Message, error)), _signal, new NothingToReplay()).Log!;
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _log.Dispose();
        _signal.Dispose();
        _directory.Dispose();
    }

    [Benchmark]
    public ulong AppendDurably()
    {
        for (int entry = 0; entry < Entries; entry++)
            _buffer.AddEntry(new PartitionId(0), new Term(1), new LogIndex(++_index), _entry);
        Lsn last = _log.Submit(_buffer, _addresses);
        // What the partition has applied may be recycled, so that the log stays at its steady size.
        _log.SetApplied(new PartitionId(0), new LogIndex(_index));
        _signal.WaitFor(last);
        return last.Value;
    }
}
