namespace KvStore.Daemon.Config;

/// <summary>The configuration cannot be used. The message is one line that says what, where and what to do; the daemon exits 78.</summary>
public sealed class ConfigException(string message) : Exception(message)
{
    /// <summary>EX_CONFIG of sysexits.h.</summary>
    public const int ExitCode = 78;
}
