namespace KvStore.Daemon.Ctl.Output;

/// <summary>Whoever read standard output has gone (EPIPE): there is nobody left to tell.</summary>
internal sealed class OutputClosedException() : Exception("standard output is closed");
