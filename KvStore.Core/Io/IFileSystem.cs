namespace KvStore.Core.Io;

public enum FileOpenMode
{
    /// <summary>The file must exist; read only.</summary>
    Read,

    /// <summary>The file must exist; read and write.</summary>
    ReadWrite,

    /// <summary>The file must not exist; read and write.</summary>
    CreateNew,
}

/// <summary>
/// The one way to the disk. The real one is <c>OsFileSystem</c>; simulations hand in a disk that loses, tears and refuses.
/// Paths are absolute. Every failure is a <see cref="DiskException"/> that names the call, the path and the errno.
/// </summary>
public interface IFileSystem
{
    IFile Open(string path, FileOpenMode mode);

    bool FileExists(string path);

    /// <summary>Names (not paths) of the files in a directory, in ordinal order. Empty if the directory does not exist.</summary>
    IReadOnlyList<string> List(string directory);

    /// <summary>Creates the directory and its parents; existing ones are fine.</summary>
    void CreateDirectory(string directory);

    /// <summary>Atomically replaces <paramref name="to"/>. Durable only after <see cref="SyncDirectory"/>.</summary>
    void Rename(string from, string to);

    void Delete(string path);

    /// <summary>fsync of a directory: makes creations, renames and deletions in it durable.</summary>
    void SyncDirectory(string directory);

    /// <summary>Bytes that an unprivileged writer may still use on the file system that holds the directory.</summary>
    long FreeBytes(string directory);

    /// <summary>Takes an exclusive advisory lock (flock) on a file, creating it; throws <see cref="DiskException"/> with EWOULDBLOCK if another process holds it. Disposing releases it.</summary>
    IDisposable Lock(string path);
}

/// <summary>An open file. Positioned reads may run from any thread at once; writes and syncs have one owner at a time.</summary>
public interface IFile : IDisposable
{
    string Path { get; }

    long Length { get; }

    /// <summary>Reads up to <c>buffer.Length</c> bytes at <paramref name="offset"/>; fewer only at the end of the file.</summary>
    int Read(long offset, Span<byte> buffer);

    /// <summary>
    /// Fills the buffer if that takes no wait for the disk, because the operating system holds all of it in memory. Otherwise false, whatever the
    /// reason, and the buffer's content is undefined: <see cref="Read"/> says more.
    /// </summary>
    bool TryReadNow(long offset, Span<byte> buffer);

    /// <summary>Writes all bytes at <paramref name="offset"/>, growing the file if needed.</summary>
    void Write(long offset, ReadOnlySpan<byte> bytes);

    /// <summary>Writes the buffers one after the other with as few system calls as possible.</summary>
    void WriteVectored(long offset, IReadOnlyList<ReadOnlyMemory<byte>> buffers);

    /// <summary>fdatasync: returns only when everything written before the call survives a power cut. A failure is final: never call it again, stop.</summary>
    void DataSync();

    /// <summary>Reserves space for <paramref name="length"/> bytes from the start (fallocate) and sets the length.</summary>
    void Allocate(long length);

    void Truncate(long length);
}
