namespace KvStore.Daemon.Ctl.Output;

/// <summary>Whoever read standard output has gone (EPIPE): there is nobody left to tell.</summary>
internal sealed class OutputClosedException(IOException cause) : Exception("standard output is closed", cause)
{
    private const int BrokenPipe = 32;

    /// <summary>Whether the error is EPIPE.</summary>
    public static bool Is(IOException error) => (error.HResult & 0xFFFF) == BrokenPipe;
}
