using KvStore.Core.Io;
using KvStore.Core.Primitives;
using KvStore.Core.Storage.Manifest;
using KvStore.Core.Storage.Table;

namespace KvStore.Core.Storage;

/// <summary>Takes a snapshot chunk by chunk into tables of a new generation and puts it in the place of a partition's data in one step. One owner; blocks on the disk.</summary>
public sealed class PartitionIngest
{
    private readonly StorageEngine _engine;
    private readonly PartitionStore _store;
    private readonly AppliedState _state;
    private readonly byte[] _configuration;
    private readonly Generation _generation;
    private readonly TableSequence _tables;
    private readonly byte[] _key = new byte[StorageKey.PrefixBytes + StorageKey.MaxKeyBytes];
    private byte[] _lastKey = [];
    private LogIndex _floor;
    private uint _chunks;
    private bool _isComplete;
    private bool _isOver;

    internal PartitionIngest(StorageEngine engine, PartitionStore store, AppliedState state, byte[] configuration)
    {
        _engine = engine;
        _store = store;
        _state = state;
        _configuration = configuration;
        _generation = engine.NewGeneration();
        _tables = engine.NewTables(forLevel0: false);
        StorageKey.WritePrefix(_key, store.Id, _generation, 0);
    }

    /// <summary>The last chunk has come: nothing is left but to install.</summary>
    public bool IsComplete => _isComplete;

    /// <summary>Takes the next chunk.</summary>
    /// <exception cref="CorruptionException">The chunk is damaged or not the next one: abort, and ask for the snapshot anew.</exception>
    /// <exception cref="DiskException">The disk refused it: abort. If it was not for lack of space, the engine has failed.</exception>
    public void Write(ReadOnlySpan<byte> chunk)
    {
        Invariant.Check(!_isComplete && !_isOver);
        var at = SnapshotChunk.Open(chunk, _chunks++, out _isComplete, out _floor);
        try
        {
            while (at < chunk.Length) Add(SnapshotChunk.ReadRecord(chunk, ref at), at);
        }
        catch (Exception e) when (e is OutOfSpaceException or DiskException)
        {
            throw Failed(e);
        }
    }

    /// <summary>Makes the snapshot the partition's state, durably. All chunks must have come.</summary>
    /// <exception cref="DiskException">As for <see cref="Write"/>.</exception>
    public void Install()
    {
        Invariant.Check(_isComplete && !_isOver);
        try
        {
            var tables = _tables.Complete();
            _isOver = true;
            _engine.Install(_store, new PartitionRecord(_store.Id, _generation, _state, _floor, _configuration), tables);
        }
        catch (Exception e) when (e is OutOfSpaceException or DiskException)
        {
            throw Failed(e);
        }
    }

    /// <summary>Gives the snapshot up, if it is not installed; the partition stays as it is.</summary>
    public void Abort()
    {
        if (_isOver) return;
        _isOver = true;
        _tables.Abandon();
    }

    private void Add(in SnapshotChunk.Record record, int at)
    {
        record.Key.CopyTo(_key.AsSpan(StorageKey.PrefixBytes - 1));
        var key = _key.AsSpan(0, StorageKey.PrefixBytes - 1 + record.Key.Length);
        if (key.SequenceCompareTo(_lastKey) <= 0) throw new CorruptionException("snapshot chunk", at, "keys are out of order");
        _lastKey = key.ToArray();
        _tables.Add(key, record.Index, record.Info, record.Value);
    }

    private DiskException Failed(Exception e)
    {
        if (e is OutOfSpaceException)
        {
            _engine.OnSpaceLacking();
            return (DiskException)e.InnerException!;
        }

        _engine.Fail(e);
        return (DiskException)e;
    }
}
