using System.Buffers;
using System.Runtime.InteropServices;

namespace KvStore.Core.Io;

/// <summary>A file of the operating system. EINTR is repeated where a repeat is harmless, never for a sync.</summary>
internal sealed unsafe class OsFile(FileDescriptor descriptor, string path) : IFile
{
    public string Path { get; } = path;

    public long Length
    {
        get
        {
            var length = Native.Seek(descriptor, 0, Native.SeekEnd);
            return length >= 0 ? length : throw OsFileSystem.LastError("lseek", Path);
        }
    }

    public int Read(long offset, Span<byte> buffer)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        var done = 0;
        fixed (byte* start = buffer)
        {
            while (done < buffer.Length)
            {
                var got = Native.ReadAt(descriptor, start + done, (nuint)(buffer.Length - done), offset + done);
                if (got == 0) break;
                if (got > 0) done += (int)got;
                else if (!WasInterrupted()) throw OsFileSystem.LastError("pread", Path);
            }
        }

        return done;
    }

    public bool TryReadNow(long offset, Span<byte> buffer)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        fixed (byte* start = buffer)
        {
            var vector = new Native.IoVector { Base = start, Length = (nuint)buffer.Length };
            return Native.ReadVectorAt(descriptor, &vector, 1, offset, Native.NoWait) == buffer.Length;
        }
    }

    public void Write(long offset, ReadOnlySpan<byte> bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        fixed (byte* start = bytes)
        {
            for (var done = 0; done < bytes.Length;)
            {
                var put = Native.WriteAt(descriptor, start + done, (nuint)(bytes.Length - done), offset + done);
                if (put > 0) done += (int)put;
                else if (put == 0) throw new DiskException("pwrite", Path, 5, "nothing was written");
                else if (!WasInterrupted()) throw OsFileSystem.LastError("pwrite", Path);
            }
        }
    }

    public void WriteVectored(long offset, IReadOnlyList<ReadOnlyMemory<byte>> buffers)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentNullException.ThrowIfNull(buffers);
        for (var first = 0; first < buffers.Count; first += Native.MaxVectors)
            offset += WriteGroup(offset, buffers, first, Math.Min(Native.MaxVectors, buffers.Count - first));
    }

    /// <summary>Writes at most <see cref="Native.MaxVectors"/> buffers; after a short write the call is repeated from where it stopped.</summary>
    private long WriteGroup(long offset, IReadOnlyList<ReadOnlyMemory<byte>> buffers, int first, int count)
    {
        var pins = ArrayPool<MemoryHandle>.Shared.Rent(count);
        var vectors = stackalloc Native.IoVector[count];
        var pinned = 0;
        try
        {
            long total = 0;
            for (; pinned < count; pinned++)
            {
                var buffer = buffers[first + pinned];
                pins[pinned] = buffer.Pin();
                vectors[pinned] = new Native.IoVector { Base = (byte*)pins[pinned].Pointer, Length = (nuint)buffer.Length };
                total += buffer.Length;
            }

            WriteAll(offset, vectors, count, total);
            return total;
        }
        finally
        {
            for (var i = 0; i < pinned; i++) pins[i].Dispose();
            ArrayPool<MemoryHandle>.Shared.Return(pins, clearArray: true);
        }
    }

    private void WriteAll(long offset, Native.IoVector* vectors, int count, long total)
    {
        for (var left = total; left > 0;)
        {
            var put = Native.WriteVectorAt(descriptor, vectors, count, offset);
            if (put == 0) throw new DiskException("pwritev", Path, 5, "nothing was written");
            if (put < 0)
            {
                if (!WasInterrupted()) throw OsFileSystem.LastError("pwritev", Path);
                continue;
            }

            left -= put;
            offset += put;
            var skip = (nuint)put;
            for (; count > 0 && skip >= vectors->Length; vectors++, count--) skip -= vectors->Length;
            if (skip == 0) continue;
            vectors->Base += skip;
            vectors->Length -= skip;
        }
    }

    public void DataSync()
    {
        if (Native.DataSync(descriptor) != 0) throw OsFileSystem.LastError("fdatasync", Path);
    }

    public void Allocate(long length)
    {
        while (Native.Allocate(descriptor, 0, 0, length) != 0)
        {
            var errno = Marshal.GetLastPInvokeError();
            if (errno == Native.Interrupted) continue;
            if (errno != Native.NotSupported) throw OsFileSystem.Error("fallocate", Path, errno);
            FillWithZeros(length);
            return;
        }
    }

    public void Truncate(long length)
    {
        while (Native.Truncate(descriptor, length) != 0)
            if (!WasInterrupted()) throw OsFileSystem.LastError("ftruncate", Path);
    }

    public void Dispose() => descriptor.Dispose();

    /// <summary>What fallocate does, for file systems that have none.</summary>
    private void FillWithZeros(long length)
    {
        var zeros = new byte[64 * 1024];
        for (var at = Length; at < length; at += zeros.Length)
            Write(at, zeros.AsSpan(0, (int)Math.Min(zeros.Length, length - at)));
    }

    private static bool WasInterrupted() => Marshal.GetLastPInvokeError() == Native.Interrupted;
}
