using KvStore.Core.Io;
using KvStore.Core.Primitives;
using KvStore.Core.Storage;

namespace KvStore.Core.Node;

/// <summary>
/// The records that one entry looks at, read from the tables because they were not all in memory. Made on the shard, read on another
/// thread, and looked at on the shard again.
/// </summary>
/// <remarks>
/// Read while the entry is the next to be applied, they are its answer whatever the cache, a flush or a compaction do meanwhile: they tell
/// of the keys at the applied index, and that stands still.
/// </remarks>
internal sealed class EntryRecords
{
    private readonly byte[]?[] _keys;
    private readonly RecordInfo?[] _found;
    private readonly bool _includeOverlay;

    /// <param name="index">The entry's, if it has one.</param>
    /// <param name="payload">A Write.</param>
    /// <param name="isAwaited">See <see cref="StateMachine.LooksAtRecord"/>.</param>
    /// <param name="includeOverlay">Acknowledged writes count as well, not only applied ones.</param>
    public EntryRecords(LogIndex index, ReadOnlySpan<byte> payload, bool isAwaited, bool includeOverlay = false)
    {
        Index = index;
        _includeOverlay = includeOverlay;
        var keys = new List<byte[]?>();
        foreach (var operation in new EntryOperations(payload)) keys.Add(StateMachine.LooksAtRecord(operation, isAwaited) ? operation.Key.ToArray() : null);
        _keys = [.. keys];
        _found = new RecordInfo?[_keys.Length];
    }

    public LogIndex Index { get; }

    /// <summary>Set by the shard when it hears that <see cref="Read"/> has ended.</summary>
    public bool IsRead { get; set; }

    /// <summary>What kept the records from being read.</summary>
    public CorruptionException? Damage { get; private set; }

    /// <summary>They could not be read for a reason that passes (<see cref="DiskException.IsShortage"/>).</summary>
    public bool MustReadAgain { get; private set; }

    /// <summary>Whether every record that an entry looks at can be found without the disk now.</summary>
    public static bool AreInMemory(PartitionStore store, ReadOnlySpan<byte> payload, bool isAwaited)
    {
        using var view = store.Pin();
        foreach (var operation in new EntryOperations(payload))
        {
            if (StateMachine.LooksAtRecord(operation, isAwaited) && view.FindInMemory(operation.Key, includeOverlay: false, out _) == Lookup.NeedsDisk)
                return false;
        }

        return true;
    }

    /// <summary>Reads what is applied now. Blocks on the disk.</summary>
    public void Read(PartitionStore store)
    {
        (Damage, MustReadAgain) = (null, false);
        try
        {
            using var view = store.Pin();
            for (var i = 0; i < _keys.Length; i++)
                if (_keys[i] is { } key) _found[i] = view.TryGet(key, _includeOverlay, out var info, out _) ? info : null;
        }
        catch (CorruptionException damage)
        {
            Damage = damage;
        }
        catch (DiskException failure) when (failure.IsShortage)
        {
            MustReadAgain = true;
        }
        catch (DiskException failure)
        {
            // The table cannot even be opened. Its records are no more known than those of a damaged one.
            Damage = new CorruptionException(failure.Path, 0, failure.Message);
        }
    }

    /// <summary>The record under the key of an operation, tombstones included; false if there is none.</summary>
    /// <param name="operation">Its position in the entry, from 0.</param>
    public bool TryGet(int operation, out RecordInfo info)
    {
        Invariant.Check(IsRead && Damage is null && _keys[operation] is not null);
        info = _found[operation].GetValueOrDefault();
        return _found[operation] is not null;
    }
}
