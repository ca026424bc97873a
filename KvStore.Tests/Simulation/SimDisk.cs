using KvStore.Core.Io;
using KvStore.Core.Primitives;

namespace KvStore.Tests.Simulation;

/// <summary>What a <see cref="SimDisk"/> counts and can be told to fail.</summary>
public enum DiskCall
{
    Open,
    FileExists,
    Read,
    TryReadNow,
    Write,
    DataSync,
    Allocate,
    Truncate,
    Rename,
    Delete,
    SyncDirectory,
    CreateDirectory,
    List,
    FreeBytes,
    Lock,
}

/// <summary>The power went off: thrown by the call during which it happened and by every later one.</summary>
public sealed class PowerCutException() : Exception("the power is off");

/// <summary>
/// A file system in memory that forgets like a real one (the idea: pebble's strict MemFS, and ALICE, OSDI 2014).
/// After <see cref="Crash"/> every 512-byte sector written since the last sync holds one of the contents it had since then, each sector
/// for itself; a length changed since the last sync is the old, the new or one in between; every creation, renaming and deletion since the
/// last sync of the directory has happened or not, each for itself. Everything follows from the seed. Safe to use from several threads,
/// but then not repeatable.
/// </summary>
public sealed class SimDisk : IFileSystem
{
    private const int NoSpace = 28;
    private const int PageBytes = 4096;
    private const int Eio = 5;
    private readonly Lock _lock = new();
    private readonly Prng _random;
    private readonly HashSet<string> _directories = [];
    private readonly Dictionary<string, SimInode> _names = [];
    private readonly Dictionary<string, SimInode> _syncedNames = [];
    private readonly List<DirectoryChange> _unsyncedChanges = [];
    private readonly HashSet<string> _locks = [];
    private readonly long[] _counts = new long[Enum.GetValues<DiskCall>().Length];
    private bool _isOff;

    public SimDisk(ulong seed) => _random = new Prng(seed);

    /// <summary>One change of a directory: <paramref name="From"/> and <paramref name="To"/> may be null (creation, deletion).</summary>
    private sealed record DirectoryChange(string? From, string? To, SimInode Inode);

    /// <summary>Calls so far, of all kinds.</summary>
    public long Steps { get; private set; }

    /// <summary>The call with this number (from 1) and all later ones throw <see cref="PowerCutException"/>; 0 for never.</summary>
    public long PowerCutAtStep { get; set; }

    /// <summary>Asked before every call with its kind, its number among those of the kind (from 1) and its path: a non-zero errno fails the call.</summary>
    public Func<DiskCall, long, string, int>? Fault { get; set; }

    /// <summary>The sum of file lengths beyond which writing gives ENOSPC.</summary>
    public long CapacityBytes { get; set; } = long.MaxValue;

    /// <summary>Whether about half of what is read is in the page cache: what begins on an even page of its file. Else nothing ever is.</summary>
    public bool HoldsPages { get; init; }

    public long UsedBytes
    {
        get
        {
            lock (_lock) return _names.Values.Sum(inode => inode.Length);
        }
    }

    /// <summary>Calls of one kind so far.</summary>
    public long Count(DiskCall call) => _counts[(int)call];

    /// <summary>The disk as it may be found after a power cut now. This one is not changed and should not be used any more.</summary>
    public SimDisk Crash()
    {
        lock (_lock)
        {
            var after = new SimDisk(_random.NextUInt64()) { HoldsPages = HoldsPages };
            foreach (var directory in _directories) after._directories.Add(directory);
            var names = new Dictionary<string, SimInode>(_syncedNames);
            foreach (var change in _unsyncedChanges)
            {
                if (_random.Chance(1, 2)) continue;
                if (change.From is not null) names.Remove(change.From);
                if (change.To is null) continue;
                foreach (var other in names.Where(pair => pair.Value == change.Inode).ToList()) names.Remove(other.Key);
                names[change.To] = change.Inode;
            }

            foreach (var (path, inode) in names.OrderBy(pair => pair.Key, StringComparer.Ordinal))
                after._names[path] = after._syncedNames[path] = inode.AfterCrash(_random);
            return after;
        }
    }

    /// <summary>The disk as after kill -9: nothing is lost, and what was not synced still is not. This one should not be used any more.</summary>
    public SimDisk Kill()
    {
        lock (_lock)
        {
            var after = new SimDisk(_random.NextUInt64()) { HoldsPages = HoldsPages };
            foreach (var directory in _directories) after._directories.Add(directory);
            foreach (var (path, inode) in _names) after._names[path] = inode;
            foreach (var (path, inode) in _syncedNames) after._syncedNames[path] = inode;
            after._unsyncedChanges.AddRange(_unsyncedChanges);
            return after;
        }
    }

    /// <summary>From now on every call fails, as for a process whose disk is gone: what is left of it can be put away.</summary>
    public void SwitchOff()
    {
        lock (_lock) _isOff = true;
    }

    /// <summary>A copy that shares nothing, everything in it synced.</summary>
    public SimDisk Clone()
    {
        lock (_lock)
        {
            var copy = new SimDisk(_random.NextUInt64()) { HoldsPages = HoldsPages };
            foreach (var directory in _directories) copy._directories.Add(directory);
            foreach (var (path, inode) in _names) copy._names[path] = copy._syncedNames[path] = inode.Copy();
            return copy;
        }
    }

    /// <summary>Flips one bit that is on the disk, synced or not.</summary>
    public void FlipBit(string path, long offset, int bit)
    {
        lock (_lock) _names[path].FlipBit(offset, bit);
    }

    public byte[] Content(string path)
    {
        lock (_lock) return _names[path].Content();
    }

    /// <summary>Replaces a file's content, durably.</summary>
    public void SetContent(string path, ReadOnlySpan<byte> content)
    {
        lock (_lock)
        {
            var inode = new SimInode();
            inode.Write(0, content);
            inode.Sync();
            _names[path] = _syncedNames[path] = inode;
        }
    }

    public IFile Open(string path, FileOpenMode mode)
    {
        lock (_lock)
        {
            Step(DiskCall.Open, path);
            var exists = _names.TryGetValue(path, out var inode);
            if (mode == FileOpenMode.CreateNew)
            {
                if (exists) throw Error(DiskCall.Open, path, 17);
                if (!_directories.Contains(Path.GetDirectoryName(path)!)) throw Error(DiskCall.Open, path, 2);
                inode = new SimInode();
                Change(null, path, inode);
            }
            else if (!exists)
            {
                throw Error(DiskCall.Open, path, 2);
            }

            return new SimFile(this, path, inode!, mode != FileOpenMode.Read);
        }
    }

    public bool FileExists(string path)
    {
        lock (_lock)
        {
            Step(DiskCall.FileExists, path);
            return _names.ContainsKey(path) || _directories.Contains(path);
        }
    }

    public IReadOnlyList<string> List(string directory)
    {
        lock (_lock)
        {
            Step(DiskCall.List, directory);
            return [.. _names.Keys.Where(path => Path.GetDirectoryName(path) == directory).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal)];
        }
    }

    public void CreateDirectory(string directory)
    {
        lock (_lock)
        {
            Step(DiskCall.CreateDirectory, directory);
            for (var at = directory; !string.IsNullOrEmpty(at); at = Path.GetDirectoryName(at)) _directories.Add(at);
        }
    }

    public void Rename(string from, string to)
    {
        lock (_lock)
        {
            Step(DiskCall.Rename, from);
            if (!_names.TryGetValue(from, out var inode)) throw Error(DiskCall.Rename, from, 2);
            Change(from, to, inode);
        }
    }

    public void Delete(string path)
    {
        lock (_lock)
        {
            Step(DiskCall.Delete, path);
            if (!_names.TryGetValue(path, out var inode)) throw Error(DiskCall.Delete, path, 2);
            Change(path, null, inode);
        }
    }

    public void SyncDirectory(string directory)
    {
        lock (_lock)
        {
            Step(DiskCall.SyncDirectory, directory);
            foreach (var change in _unsyncedChanges.Where(change => IsIn(change, directory)))
            {
                if (change.From is not null) _syncedNames.Remove(change.From);
                if (change.To is not null) _syncedNames[change.To] = change.Inode;
            }

            _unsyncedChanges.RemoveAll(change => IsIn(change, directory));
        }
    }

    public long FreeBytes(string directory)
    {
        lock (_lock)
        {
            Step(DiskCall.FreeBytes, directory);
            return Math.Max(0, CapacityBytes - UsedBytes);
        }
    }

    public IDisposable Lock(string path)
    {
        lock (_lock)
        {
            Step(DiskCall.Lock, path);
            if (!_locks.Add(path)) throw Error(DiskCall.Lock, path, 11);
            if (!_names.ContainsKey(path)) Change(null, path, new SimInode());
            return new Unlock(this, path);
        }
    }

    internal int OnRead(string path, SimInode inode, long offset, Span<byte> buffer)
    {
        lock (_lock)
        {
            Step(DiskCall.Read, path);
            return inode.Read(offset, buffer);
        }
    }

    internal bool OnReadNow(string path, SimInode inode, long offset, Span<byte> buffer)
    {
        lock (_lock)
        {
            try
            {
                Step(DiskCall.TryReadNow, path);
            }
            catch (DiskException)
            {
                return false;
            }

            return HoldsPages && (offset / PageBytes) % 2 == 0 && inode.Read(offset, buffer) == buffer.Length;
        }
    }

    /// <summary>A write that fails, or during which the power goes off, may have reached the page cache in part.</summary>
    internal void OnWrite(string path, SimInode inode, long offset, ReadOnlySpan<byte> bytes)
    {
        lock (_lock)
        {
            try
            {
                Step(DiskCall.Write, path);
                CheckSpace(DiskCall.Write, path, offset + bytes.Length - inode.Length);
            }
            catch (Exception e) when (!_isOff && (e is DiskException || Steps == PowerCutAtStep))
            {
                inode.Write(offset, bytes[.._random.Next(bytes.Length + 1)]);
                throw;
            }

            inode.Write(offset, bytes);
        }
    }

    /// <summary>After a failed sync the page cache takes the data for clean: it may be on the disk or not, and no later sync writes it.</summary>
    internal void OnSync(string path, SimInode inode)
    {
        lock (_lock)
        {
            try
            {
                Step(DiskCall.DataSync, path);
            }
            catch (DiskException) when (!_isOff)
            {
                inode.FailSync(_random);
                throw;
            }

            inode.Sync();
        }
    }

    internal void OnResize(DiskCall call, string path, SimInode inode, long length)
    {
        lock (_lock)
        {
            Step(call, path);
            CheckSpace(call, path, length - inode.Length);
            inode.SetLength(length);
        }
    }

    private void CheckSpace(DiskCall call, string path, long growth)
    {
        if (growth > 0 && UsedBytes + growth > CapacityBytes) throw Error(call, path, NoSpace);
    }

    private void Step(DiskCall call, string path)
    {
        if (_isOff) throw Error(call, path, Eio);
        Steps++;
        if (PowerCutAtStep > 0 && Steps >= PowerCutAtStep) throw new PowerCutException();
        var number = ++_counts[(int)call];
        if (Fault?.Invoke(call, number, path) is { } errno and not 0) throw Error(call, path, errno);
    }

    private void Change(string? from, string? to, SimInode inode)
    {
        if (from is not null) _names.Remove(from);
        if (to is not null) _names[to] = inode;
        _unsyncedChanges.Add(new DirectoryChange(from, to, inode));
    }

    private static bool IsIn(DirectoryChange change, string directory) => Path.GetDirectoryName(change.From ?? change.To) == directory;

    private static DiskException Error(DiskCall call, string path, int errno) =>
        new(call.ToString(), path, errno, errno switch { Eio => "simulated I/O error", NoSpace => "simulated full disk", _ => "simulated error" });

    private sealed class Unlock(SimDisk disk, string path) : IDisposable
    {
        public void Dispose()
        {
            lock (disk._lock) disk._locks.Remove(path);
        }
    }
}
