using System.Collections.Concurrent;
using KvStore.Core.Io;
using KvStore.Core.Primitives;
using KvStore.Core.Storage.Compaction;
using KvStore.Core.Storage.Manifest;
using KvStore.Core.Storage.Table;

namespace KvStore.Core.Storage;

/// <summary>
/// The tables of all partitions and the manifest that names them. Every change goes through <see cref="Commit"/>, one at a time. A failed
/// write of the manifest is final.
/// </summary>
internal sealed class TableTree : IDisposable
{
    private const long SmallestManifestToReplace = 4L << 20;

    private readonly IFileSystem _fs;
    private readonly BlockCache _cache;
    private readonly Action _onUnwanted;
    private readonly ConcurrentQueue<TableFile> _unwanted = new();
    private readonly ManifestState _state;
    private HashSet<PartitionId> _newlyDead = [];
    private ManifestLog _log;
    private int _level0Tables;
    private long _nextFileNumber;
    private uint _nextGeneration;
    private Exception? _failure;

    private TableTree(IFileSystem fs, string directory, BlockCache cache, Action onUnwanted, ManifestState state, ManifestLog log)
    {
        _fs = fs;
        Directory = directory;
        _cache = cache;
        _onUnwanted = onUnwanted;
        _state = state;
        _log = log;
        _nextFileNumber = (long)state.NextFileNumber;
        _nextGeneration = state.NextGeneration.Value;
        var levels = Enumerable.Range(0, TableVersion.LevelCount).Select(_ => new List<TableFile>()).ToArray();
        foreach (var (level, info) in state.Tables.Values) levels[level].Add(NewFile(info));
        Current = new TableVersion([.. levels.Select((tables, level) => Sort(level, tables))]);
        _level0Tables = Current.Level(0).Length;
        foreach (var table in Current.Tables)
        {
            _newlyDead.Add(StorageKey.PartitionOf(table.Info.Smallest));
            _newlyDead.Add(StorageKey.PartitionOf(table.Info.Largest));
        }
    }

    public string Directory { get; }

    /// <summary>Held by whoever looks at <see cref="Current"/> or the partitions' records.</summary>
    public Lock Lock { get; } = new();

    /// <summary>Under the lock.</summary>
    public TableVersion Current { get; private set; }

    /// <summary>How many tables level 0 has. Any thread.</summary>
    public int Level0Tables => Volatile.Read(ref _level0Tables);

    /// <summary>What is being merged now. Under the lock.</summary>
    public List<CompactionPlan> Running { get; } = [];

    /// <summary>Under the lock.</summary>
    public IReadOnlyDictionary<PartitionId, PartitionRecord> Partitions => _state.Partitions;

    /// <summary>
    /// Reads the state, begins a new manifest with it and deletes what it does not name. Tables that are missing are named in
    /// <paramref name="missing"/>: what can be read without them still can.
    /// </summary>
    /// <exception cref="CorruptionException">CURRENT or the manifest is damaged.</exception>
    public static TableTree Open(IFileSystem fs, string directory, BlockCache cache, Action onUnwanted, out IReadOnlyList<TableInfo> missing)
    {
        var files = new DirectoryContent(fs, directory);
        var state = new ManifestState();
        if (files.HasCurrent) state = ManifestLog.Read(fs, directory, CurrentFile.Read(fs, directory));
        else if (files.Tables.Count > 0) throw new CorruptionException(Path.Combine(directory, CurrentFile.Name), 0, "missing, though there are tables");
        state.Apply(new VersionEdit { NextFileNumber = Math.Max(state.NextFileNumber, files.NextNumber) });
        var log = ManifestLog.Create(fs, directory, files.NextManifest, state);
        files.DeleteUnnamed(state, log.Number);
        missing = [.. state.Tables.Values.Select(entry => entry.Table).Where(table => !files.Tables.Contains(table.FileNumber))];
        return new TableTree(fs, directory, cache, onUnwanted, state, log);
    }

    /// <summary>A generation of the partition died, or may have before the start. Under the lock.</summary>
    public void NoteDead(PartitionId id) => _newlyDead.Add(id);

    /// <summary>The partitions noted since the last call. Under the lock.</summary>
    public IReadOnlySet<PartitionId> TakeNewlyDead()
    {
        var taken = _newlyDead;
        if (taken.Count > 0) _newlyDead = [];
        return taken;
    }

    public PartitionRecord? FindPartition(PartitionId id)
    {
        lock (Lock) return _state.Partitions.GetValueOrDefault(id);
    }

    /// <summary>
    /// The deepest level that can take tables between two keys (inclusive) which nothing else in the tree may say anything about: neither a
    /// table there nor the result of a running merge may overlap. Under the lock.
    /// </summary>
    public int DeepestFreeLevel(byte[] smallest, byte[] largest)
    {
        for (var level = TableVersion.LevelCount - 1; level > 0; level--)
        {
            var isTaken = Current.Overlapping(level, smallest, largest).Length > 0 || Running.Exists(plan => plan.MayWriteTo(level, smallest, largest));
            if (!isTaken) return level;
        }

        return 0;
    }

    public ulong NewFileNumber() => (ulong)Interlocked.Increment(ref _nextFileNumber) - 1;

    public Generation NewGeneration() => new(Interlocked.Increment(ref _nextGeneration) - 1);

    /// <summary>
    /// Makes a change durable, then current, then calls <paramref name="publish"/> with the new version, all under the lock.
    /// </summary>
    /// <exception cref="DiskException">It could not be made durable; from now on nothing can.</exception>
    public void Commit(VersionEdit edit, Action<TableVersion> publish)
    {
        lock (Lock)
        {
            if (_failure is not null) throw new InvalidOperationException("the manifest failed before", _failure);
            try
            {
                edit.NextFileNumber = (ulong)Volatile.Read(ref _nextFileNumber);
                edit.NextGeneration = new Generation(Volatile.Read(ref _nextGeneration));
                _log.Append(edit);
                _state.Apply(edit);
                if (_log.Bytes > Math.Max(SmallestManifestToReplace, 4 * _log.InitialBytes) && HasRoomForManifest()) ReplaceManifest();
            }
            catch (Exception e)
            {
                _failure = e;
                throw;
            }

            if (edit.Added.Count == 0 && edit.Removed.Count == 0)
            {
                publish(Current);
                return;
            }

            var old = Current;
            Current = new TableVersion(NewLevels(old, edit));
            Volatile.Write(ref _level0Tables, Current.Level(0).Length);
            publish(Current);
            old.Release();
        }
    }

    /// <summary>Closes and deletes the files that nobody reads any more.</summary>
    public void DeleteUnwanted()
    {
        while (_unwanted.TryDequeue(out var table))
        {
            try
            {
                table.Retire();
            }
            catch (DiskException)
            {
                // The manifest does not name the file: it is deleted at the next start.
            }
        }
    }

    /// <summary>All readers are gone. What the manifest names stays.</summary>
    public void Dispose()
    {
        lock (Lock)
        {
            foreach (var table in Current.Tables) table.KeepFile();
            Current.Release();
            DeleteUnwanted();
            if (_failure is null) SyncMark();
            _log.Dispose();
        }
    }

    /// <summary>After a clean stop damage of the last edit cannot be taken for an edit that was never synced.</summary>
    private void SyncMark()
    {
        try
        {
            _log.SyncMark();
        }
        catch (DiskException)
        {
            // The edits are durable without the mark. The next start reads what there is, and begins a new manifest.
        }
    }

    /// <summary>On a disk that is nearly full the old manifest goes on growing into what it has reserved.</summary>
    private bool HasRoomForManifest() => _fs.FreeBytes(Directory) > 2 * Math.Max(SmallestManifestToReplace, _log.Bytes);

    private void ReplaceManifest()
    {
        var old = _log;
        _log = ManifestLog.Create(_fs, Directory, old.Number + 1, _state);
        old.Dispose();
        _fs.Delete(Path.Combine(Directory, ManifestLog.FileName(old.Number)));
    }

    private TableFile[][] NewLevels(TableVersion old, VersionEdit edit)
    {
        var moved = old.Tables.Where(table => edit.Removed.Contains(table.Info.FileNumber)).ToDictionary(table => table.Info.FileNumber);
        var levels = new TableFile[TableVersion.LevelCount][];
        for (var level = 0; level < levels.Length; level++)
        {
            var added = edit.Added.Where(entry => entry.Level == level)
                .Select(entry => moved.GetValueOrDefault(entry.Table.FileNumber) ?? NewFile(entry.Table)).ToList();
            var stays = old.Level(level);
            if (moved.Count > 0) stays = Array.FindAll(stays, table => !moved.ContainsKey(table.Info.FileNumber));
            levels[level] = added.Count == 0 ? stays : Sort(level, [.. stays, .. added]);
        }

        return levels;
    }

    private TableFile NewFile(TableInfo info) => new(_fs, Directory, info, _cache, OnUnwanted);

    private void OnUnwanted(TableFile table)
    {
        _unwanted.Enqueue(table);
        _onUnwanted();
    }

    private static TableFile[] Sort(int level, List<TableFile> tables)
    {
        if (level == 0) return [.. tables.OrderByDescending(table => table.Info.FileNumber)];
        tables.Sort((a, b) => a.Info.Smallest.AsSpan().SequenceCompareTo(b.Info.Smallest));
        for (var i = 1; i < tables.Count; i++)
            Invariant.Check(tables[i - 1].Info.Largest.AsSpan().SequenceCompareTo(tables[i].Info.Smallest) < 0);
        return [.. tables];
    }
}
