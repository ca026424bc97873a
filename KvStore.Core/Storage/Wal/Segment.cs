using KvStore.Core.Io;
using KvStore.Core.Primitives;

namespace KvStore.Core.Storage.Wal;

/// <summary>One file of the log that can be read, and why it may still be needed. <see cref="Uses"/> belongs to the writer's lane.</summary>
internal sealed class Segment(ulong number, IFile file, int bytes) : IDisposable
{
    private const int Retired = -1;
    private int _readers;

    public ulong Number { get; } = number;

    public IFile File { get; private set; } = file;

    /// <summary>The file's size.</summary>
    public int Bytes { get; private set; } = bytes;

    public Dictionary<PartitionId, SegmentUse> Uses { get; } = [];

    /// <summary>Keeps the segment from being recycled. False if it has been.</summary>
    public bool TryEnter()
    {
        for (var readers = Volatile.Read(ref _readers); readers != Retired; readers = Volatile.Read(ref _readers))
            if (Interlocked.CompareExchange(ref _readers, readers + 1, readers) == readers) return true;
        return false;
    }

    public void Leave() => Interlocked.Decrement(ref _readers);

    /// <summary>From now on nobody enters. False, and nothing is changed, while somebody reads.</summary>
    public bool TryRetire() => Interlocked.CompareExchange(ref _readers, Retired, 0) == 0;

    /// <summary>The file has a new name. Only while nobody can read yet.</summary>
    public void Reopen(IFile file)
    {
        File.Dispose();
        File = file;
    }

    /// <summary>The file was cut. Only while the log is being opened.</summary>
    public void Shrink(int bytes) => Bytes = bytes;

    public void Dispose() => File.Dispose();
}

/// <summary>What one partition has in one segment.</summary>
/// <param name="LastEntry">The highest index of an entry here that was not cut later; 0 for none.</param>
/// <param name="LastDetached">The highest LSN of a detached write here that was not released; 0 for none.</param>
internal readonly record struct SegmentUse(LogIndex LastEntry, Lsn LastDetached);
