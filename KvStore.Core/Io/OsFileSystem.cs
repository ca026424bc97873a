using System.Runtime.InteropServices;

namespace KvStore.Core.Io;

/// <summary>
/// The file system of the operating system. The result of every call is checked here and not by the BCL:
/// <c>RandomAccess.FlushToDisk</c> and <c>FileStream.Flush(true)</c> of .NET 10 return normally when fsync fails.
/// </summary>
public sealed class OsFileSystem : IFileSystem
{
    private const uint FileMode = 0b110_100_000; // rw-r-----
    private const uint DirectoryMode = 0b111_101_000; // rwxr-x---

    public IFile Open(string path, FileOpenMode mode) => new OsFile(OpenDescriptor(path, FlagsOf(mode)), path);

    public bool FileExists(string path)
    {
        if (Native.Access(path, 0) == 0) return true;
        var errno = Marshal.GetLastPInvokeError();
        return errno is Native.NotFound or Native.NotDirectory ? false : throw Error("access", path, errno);
    }

    public IReadOnlyList<string> List(string directory)
    {
#pragma warning disable RS0030 // This is the seam: a listing has no durability that the BCL could hide.
        try
        {
            var names = Array.ConvertAll(Directory.GetFiles(directory), Path.GetFileName);
            Array.Sort(names, StringComparer.Ordinal);
            return names!;
        }
        catch (DirectoryNotFoundException)
        {
            return [];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DiskException("readdir", directory, e is UnauthorizedAccessException ? 13 : e.HResult, e.Message);
        }
#pragma warning restore RS0030
    }

    /// <summary>Each directory that had to be created is durable when the call returns: its parent was synced.</summary>
    public void CreateDirectory(string directory)
    {
        if (FileExists(directory)) return;
        var parent = Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(directory));
        if (!string.IsNullOrEmpty(parent)) CreateDirectory(parent);
        if (Native.MakeDirectory(directory, DirectoryMode) != 0)
        {
            var errno = Marshal.GetLastPInvokeError();
            if (errno != Native.Exists) throw Error("mkdir", directory, errno);
        }

        if (!string.IsNullOrEmpty(parent)) SyncDirectory(parent);
    }

    public void Rename(string from, string to)
    {
        if (Native.Rename(from, to) != 0) throw LastError("rename", from);
    }

    public void Delete(string path)
    {
        if (Native.Unlink(path) != 0) throw LastError("unlink", path);
    }

    public void SyncDirectory(string directory)
    {
        using var descriptor = OpenDescriptor(directory, Native.ReadOnly);
        if (Native.Sync(descriptor) != 0) throw LastError("fsync", directory);
    }

    public long FreeBytes(string directory)
    {
        if (Native.FileSystemStatus(directory, out var status) != 0) throw LastError("statvfs", directory);
        return (long)UInt128.Min(long.MaxValue, (UInt128)status.AvailableBlocks * status.FragmentSize);
    }

    public IDisposable Lock(string path)
    {
        var descriptor = OpenDescriptor(path, Native.ReadOnly | Native.Create); // an existing one can be locked on a read-only file system, too
        while (Native.Lock(descriptor, Native.LockExclusive | Native.LockNonBlocking) != 0)
        {
            var errno = Marshal.GetLastPInvokeError();
            if (errno == Native.Interrupted) continue;
            descriptor.Dispose();
            throw errno == Native.WouldBlock
                ? new DiskException("flock", path, errno, "another process has taken it: is a kvd running on this data directory?")
                : Error("flock", path, errno);
        }

        return descriptor;
    }

    internal static DiskException LastError(string call, string path) => Error(call, path, Marshal.GetLastPInvokeError());

    internal static DiskException Error(string call, string path, int errno) =>
        new(call, path, errno, Marshal.GetPInvokeErrorMessage(errno));

    private static int FlagsOf(FileOpenMode mode) => mode switch
    {
        FileOpenMode.Read => Native.ReadOnly,
        FileOpenMode.ReadWrite => Native.ReadWrite,
        FileOpenMode.CreateNew => Native.ReadWrite | Native.Create | Native.Exclusive,
        _ => throw new ArgumentOutOfRangeException(nameof(mode), mode, "not an open mode"),
    };

    private static FileDescriptor OpenDescriptor(string path, int flags)
    {
        while (true)
        {
            var descriptor = Native.Open(path, flags | Native.CloseOnExec, FileMode);
            if (descriptor >= 0) return new FileDescriptor(descriptor);
            if (Marshal.GetLastPInvokeError() != Native.Interrupted) throw LastError("open", path);
        }
    }
}
