namespace KvStore.Daemon.Ctl;

/// <summary>The command line asks for something that cannot be meant; nothing was sent. Ends with <see cref="ExitCode.Usage"/>.</summary>
internal sealed class UsageException(string message) : Exception(message);
