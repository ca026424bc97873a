namespace KvStore.Core.Io;

/// <summary>A file operation failed. Not retried anywhere: a caller either refuses the work or stops the node.</summary>
public sealed class DiskException(string call, string path, int errno, string reason)
    : IOException($"{call} of {path} failed: {reason} (errno {errno})")
{
    public string Call { get; } = call;

    public string Path { get; } = path;

    public int Errno { get; } = errno;

    public bool IsDiskFull => Errno is 28 or 122; // ENOSPC, EDQUOT

    /// <summary>The process or the host lacks descriptors or memory: it says nothing of the file, and passes.</summary>
    public bool IsShortage => Errno is 12 or 23 or 24; // ENOMEM, ENFILE, EMFILE
}

/// <summary>Bytes on disk do not carry the checksum or the structure they must. Names the file and the offset.</summary>
public sealed class CorruptionException(string path, long offset, string what)
    : IOException($"{path} is damaged at offset {offset}: {what}")
{
    public string Path { get; } = path;

    public long Offset { get; } = offset;

    public string What { get; } = what;
}
