using KvStore.Core.Io;

namespace KvStore.Core.Node;

/// <summary>
/// File <c>reserve</c> of a data directory, 8 MiB that only take up space. A node that finds the disk full gives it up at its start, for the
/// identity, the manifest and the first segment of the log, and takes it back when it is open, before it writes anything else: a full disk
/// keeps no node from starting, however often.
/// </summary>
public static class StartReserve
{
    public const string FileName = "reserve";

    private const long Bytes = 8 << 20;

    /// <summary>Before the start writes anything.</summary>
    /// <exception cref="DiskException">The disk failed.</exception>
    public static void Release(IFileSystem fileSystem, string directory)
    {
        if (PathIn(directory) is var path && fileSystem.FileExists(path) && fileSystem.FreeBytes(directory) < Bytes) fileSystem.Delete(path);
    }

    /// <summary>When what a start needs has been written. Without room for it the node goes on.</summary>
    /// <exception cref="DiskException">The disk failed.</exception>
    public static void Renew(IFileSystem fileSystem, string directory)
    {
        var path = PathIn(directory);
        if (fileSystem.FileExists(path)) return;
        try
        {
            using var file = fileSystem.Open(path, FileOpenMode.CreateNew);
            file.Allocate(Bytes);
        }
        catch (DiskException e) when (e.IsDiskFull)
        {
            if (fileSystem.FileExists(path)) fileSystem.Delete(path);
        }
    }

    private static string PathIn(string directory) => Path.Combine(directory, FileName);
}
