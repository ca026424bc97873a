namespace KvStore.Tests.Simulation;

/// <summary>Bytes of a file, as many as wanted, zero until written. Pages that were never written take no memory: files reserve far more than they hold.</summary>
internal sealed class SparseBytes
{
    private const int PageBytes = 4096;
    private byte[]?[] _pages = [];

    public void Read(long offset, Span<byte> buffer)
    {
        for (; !buffer.IsEmpty; Advance(ref offset, ref buffer))
        {
            var part = buffer[..PartLength(offset, buffer.Length)];
            if (PageAt(offset) is { } page) page.AsSpan((int)(offset % PageBytes), part.Length).CopyTo(part);
            else part.Clear();
        }
    }

    public void Write(long offset, ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            var part = bytes[..PartLength(offset, bytes.Length)];
            if (PageAt(offset) is not null || part.ContainsAnyExcept((byte)0)) part.CopyTo(OwnPageAt(offset).AsSpan((int)(offset % PageBytes)));
            offset += part.Length;
            bytes = bytes[part.Length..];
        }
    }

    /// <summary>Makes everything from <paramref name="offset"/> on zero.</summary>
    public void ClearFrom(long offset)
    {
        for (var page = (offset + PageBytes - 1) / PageBytes; page < _pages.Length; page++) _pages[page] = null;
        PageAt(offset)?.AsSpan((int)(offset % PageBytes)).Clear();
    }

    public void FlipBit(long offset, int bit) => OwnPageAt(offset)[offset % PageBytes] ^= (byte)(1 << bit);

    public SparseBytes Copy() => new() { _pages = Array.ConvertAll(_pages, page => page?.ToArray()) };

    private static int PartLength(long offset, int length) => (int)Math.Min(length, PageBytes - (offset % PageBytes));

    private static void Advance(ref long offset, ref Span<byte> buffer)
    {
        var length = PartLength(offset, buffer.Length);
        offset += length;
        buffer = buffer[length..];
    }

    private byte[]? PageAt(long offset) => offset / PageBytes < _pages.Length ? _pages[offset / PageBytes] : null;

    private byte[] OwnPageAt(long offset)
    {
        var page = (int)(offset / PageBytes);
        if (page >= _pages.Length) Array.Resize(ref _pages, Math.Max(page + 1, 2 * _pages.Length));
        return _pages[page] ??= new byte[PageBytes];
    }
}
