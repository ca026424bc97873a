using KvStore.Core.Io;

namespace KvStore.Core.Storage;

/// <summary>
/// A file that only takes up space. On a disk that others have filled it is given up, so that the engine can open, finish a flush and delete
/// what it does not need; it comes back when there is room. Any thread.
/// </summary>
internal sealed class Ballast(IFileSystem fs, string directory, long bytes)
{
    public const string FileName = "BALLAST";

    private readonly Lock _lock = new();
    private readonly string _path = Path.Combine(directory, FileName);

    /// <summary>Gives the space up. True if there was some to give.</summary>
    public bool Release()
    {
        lock (_lock)
        {
            if (!fs.FileExists(_path)) return false;
            fs.Delete(_path);
            return true;
        }
    }

    /// <summary>Takes the space if it is not taken and enough is left besides.</summary>
    public void Restore(long leaveFree)
    {
        lock (_lock)
        {
            if (bytes == 0 || fs.FileExists(_path) || fs.FreeBytes(directory) < bytes + leaveFree) return;
            try
            {
                using var file = fs.Open(_path, FileOpenMode.CreateNew);
                file.Allocate(bytes);
            }
            catch (DiskException e) when (e.IsDiskFull)
            {
                // Without an inode or within a quota there is not even the file.
                if (fs.FileExists(_path)) fs.Delete(_path);
            }
        }
    }
}
