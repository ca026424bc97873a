using KvStore.Core.Primitives;
using KvStore.Core.Storage.MemTable;

namespace KvStore.Core.Storage;

/// <summary>Takes a snapshot chunk by chunk and puts it in the place of a partition's data in one step. One owner; may block on the disk.</summary>
public sealed class PartitionIngest
{
    private readonly PartitionStore _store;
    private readonly AppliedState _state;
    private readonly byte[] _configuration;
    private readonly PartitionMemTable _records;
    private LogIndex _floor;
    private uint _chunks;
    private bool _isComplete;

    internal PartitionIngest(PartitionStore store, AppliedState state, byte[] configuration)
    {
        _store = store;
        _state = state;
        _configuration = configuration;
        _records = store.NewMemTable(state);
    }

    /// <summary>Takes the next chunk.</summary>
    /// <exception cref="Io.CorruptionException">The chunk is damaged or not the next one: abort, and ask for the snapshot anew.</exception>
    public void Write(ReadOnlySpan<byte> chunk)
    {
        Invariant.Check(!_isComplete);
        var at = SnapshotChunk.Open(chunk, _chunks++, out _isComplete, out _floor);
        while (at < chunk.Length)
        {
            var record = SnapshotChunk.ReadRecord(chunk, ref at);
            _records.Put(record.Index, record.Key[1..], record.Value, record.Info);
        }
    }

    /// <summary>Makes the snapshot the partition's state, durably. All chunks must have come.</summary>
    public void Install()
    {
        Invariant.Check(_isComplete);
        _store.Install(_state, _configuration, _floor, _store.Generation.Next, _records);
        _records.Release();
    }

    /// <summary>Gives the snapshot up; the partition stays as it is.</summary>
    public void Abort() => _records.Release();
}
