using System.Buffers.Text;

namespace KvStore.Daemon.Ctl.Arguments;

/// <summary>Where the bytes of keys and values come from.</summary>
internal static class ValueSource
{
    /// <summary>The bytes of a KEY argument: the argument itself, or what it encodes in base64.</summary>
    /// <exception cref="UsageException">Not base64, or empty.</exception>
    public static byte[] Key(string argument, bool base64)
    {
        var bytes = Text(argument, base64, "--key-base64");
        return bytes.Length > 0 ? bytes : throw new UsageException("a key has at least one byte");
    }

    /// <summary>As <see cref="Key"/>, but may be empty: a bound of a range.</summary>
    public static byte[] Text(string argument, bool base64, string option)
    {
        var bytes = RawArguments.ToBytes(argument);
        return base64 ? FromBase64(bytes, option) : bytes;
    }

    /// <summary>
    /// The bytes of a VALUE argument: `-` is standard input to its end, `@FILE` a file, anything else the argument itself.
    /// Reading stops one byte past <paramref name="limit"/>, so that the caller can refuse a value that is too large.
    /// </summary>
    /// <exception cref="UsageException">The file cannot be read, or the bytes are not base64.</exception>
    public static async Task<byte[]> ReadValueAsync(
        string argument, bool base64, int limit, Func<Stream> openInput, CancellationToken cancellation)
    {
        var bytes = RawArguments.WithoutMark(argument) switch
        {
            "-" => await ReadInputAsync(openInput, limit, base64, cancellation),
            "@" => throw new UsageException("@ is without a file's name; for a value that begins with @ use - or --value-base64"),
            ['@', .. var path] => await ReadFileAsync(path.ToString(), limit, base64, cancellation),
            _ => RawArguments.ToBytes(argument),
        };
        return base64 ? FromBase64(bytes, "--value-base64") : bytes;
    }

    private static async Task<byte[]> ReadInputAsync(Func<Stream> openInput, int limit, bool base64, CancellationToken cancellation)
    {
        try
        {
            return await ReadAsync(openInput, limit, base64, cancellation);
        }
        catch (IOException e)
        {
            throw new UsageException($"cannot read standard input: {e.Message}");
        }
    }

    private static async Task<byte[]> ReadFileAsync(string path, int limit, bool base64, CancellationToken cancellation)
    {
        try
        {
            // The library calls a directory 'access denied'.
            if (Directory.Exists(path)) throw new UsageException($"cannot read '{RawArguments.Printable(path)}': it is a directory");
            return await ReadAsync(() => new FileStream(path, FileMode.Open, FileAccess.Read), limit, base64, cancellation);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new UsageException($"cannot read '{RawArguments.Printable(path)}': {e.Message}");
        }
    }

    private static async Task<byte[]> ReadAsync(Func<Stream> open, int limit, bool base64, CancellationToken cancellation)
    {
        // Base64 is four bytes for three, and line breaks may stand between them.
        var most = base64 ? (limit * 3L / 2) + 4 : limit + 1L;
        await using var stream = open();
        using var bytes = new MemoryStream();
        var buffer = new byte[64 * 1024];
        while (bytes.Length < most)
        {
            var wanted = (int)Math.Min(buffer.Length, most - bytes.Length);
            // A read of a terminal or a pipe does not notice the token: it is left behind, and the process ends.
            var got = await stream.ReadAsync(buffer.AsMemory(0, wanted), cancellation).AsTask().WaitAsync(cancellation);
            if (got == 0) break;
            bytes.Write(buffer, 0, got);
        }

        return bytes.ToArray();
    }

    private static byte[] FromBase64(byte[] text, string option)
    {
        if (!Base64.IsValid(text, out var length)) throw new UsageException($"{option}: '{Shortened(text)}' is not base64");
        var bytes = new byte[length];
        Base64.DecodeFromUtf8(text, bytes, out _, out var written);
        return bytes[..written];
    }

    private static string Shortened(byte[] text) =>
        RawArguments.Printable(RawArguments.Decode(text.AsSpan(0, Math.Min(text.Length, 40)))) + (text.Length > 40 ? "..." : "");
}
