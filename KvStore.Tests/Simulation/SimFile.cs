using KvStore.Core.Io;

namespace KvStore.Tests.Simulation;

/// <summary>An open file of a <see cref="SimDisk"/>.</summary>
internal sealed class SimFile(SimDisk disk, string path, SimInode inode, bool writable) : IFile
{
    private bool _closed;

    public string Path { get; } = path;

    public long Length => inode.Length;

    public int Read(long offset, Span<byte> buffer)
    {
        CheckOpen(false);
        return disk.OnRead(Path, inode, offset, buffer);
    }

    public bool TryReadNow(long offset, Span<byte> buffer)
    {
        CheckOpen(false);
        return disk.OnReadNow(Path, inode, offset, buffer);
    }

    public void Write(long offset, ReadOnlySpan<byte> bytes)
    {
        CheckOpen(true);
        disk.OnWrite(Path, inode, offset, bytes);
    }

    public void WriteVectored(long offset, IReadOnlyList<ReadOnlyMemory<byte>> buffers) => Write(offset, buffers.SelectMany(buffer => buffer.ToArray()).ToArray());

    public void DataSync()
    {
        CheckOpen(true);
        disk.OnSync(Path, inode);
    }

    public void Allocate(long length)
    {
        CheckOpen(true);
        disk.OnResize(DiskCall.Allocate, Path, inode, Math.Max(length, inode.Length));
    }

    public void Truncate(long length)
    {
        CheckOpen(true);
        disk.OnResize(DiskCall.Truncate, Path, inode, length);
    }

    public void Dispose() => _closed = true;

    private void CheckOpen(bool toWrite)
    {
        ObjectDisposedException.ThrowIf(_closed, this);
        if (toWrite && !writable) throw new DiskException("write", Path, 9, "opened for reading");
    }
}
