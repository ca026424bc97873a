using System.Runtime.InteropServices;

namespace KvStore.Daemon.Ctl.Output;

/// <summary>
/// A buffered byte stream onto a file descriptor of this process, by write(2). FileStream writes at an offset of its own, so
/// that two commands which share one redirected output would overwrite each other; the console's stream hides EPIPE, so that
/// a long scan into `head` would run to its end.
/// </summary>
/// <param name="dispensable">What cannot be written is dropped: nobody is left to be told.</param>
internal sealed partial class DescriptorStream(int descriptor, bool dispensable = false) : Stream
{
    private const int InterruptedError = 4;
    private const int TryAgainError = 11;
    private const int BrokenPipeError = 32;
    private const short WritableEvent = 4;

    private readonly byte[] _buffer = new byte[64 * 1024];
    private int _used;

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        if (buffer.Length > _buffer.Length - _used) Flush();
        if (buffer.Length > _buffer.Length)
        {
            WriteOut(buffer);
            return;
        }

        buffer.CopyTo(_buffer.AsSpan(_used));
        _used += buffer.Length;
    }

    /// <exception cref="OutputClosedException">The reader has gone.</exception>
    /// <exception cref="IOException">The descriptor takes no more bytes.</exception>
    public override void Flush()
    {
        var pending = _used;
        _used = 0;
        WriteOut(_buffer.AsSpan(0, pending));
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    private void WriteOut(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            var written = Write(descriptor, bytes, bytes.Length);
            if (written >= 0) bytes = bytes[(int)written..];
            else if (!Judge(Marshal.GetLastPInvokeError())) return;
        }
    }

    /// <returns>False to give up without a word.</returns>
    private bool Judge(int error)
    {
        switch (error)
        {
            case InterruptedError:
                return true;
            case TryAgainError:
                // Somebody else set the descriptor to non-blocking; it is theirs, so wait here.
                var wait = new PollDescriptor { Descriptor = descriptor, Events = WritableEvent };
                _ = Poll(ref wait, 1, -1);
                return true;
            case var _ when dispensable:
                return false;
            case BrokenPipeError:
                throw new OutputClosedException();
            default:
                throw new IOException($"cannot write the output: {Marshal.GetPInvokeErrorMessage(error)}");
        }
    }

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint Write(int descriptor, ReadOnlySpan<byte> bytes, nint count);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static partial int Poll(ref PollDescriptor descriptors, nuint count, int timeoutMs);

    [StructLayout(LayoutKind.Sequential)]
    private struct PollDescriptor
    {
        public int Descriptor;
        public short Events;
        public short Returned;
    }
}
