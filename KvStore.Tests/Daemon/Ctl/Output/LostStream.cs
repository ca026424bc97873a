namespace KvStore.Tests.Daemon.Ctl.Output;

/// <summary>An output that fails, at once or, buffered, when it is flushed.</summary>
internal sealed class LostStream(Exception failure, bool buffered = true) : MemoryStream
{
    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        if (!buffered) throw failure;
    }

    public override void Flush() => throw failure;
}
