using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;

namespace KvStore.Daemon.Server;

/// <summary>
/// How many files and sockets this process may have open (RLIMIT_NOFILE). Most systems start programs with a soft limit of 1,024, for the sake
/// of select(2); who does not use that raises it to the hard limit himself.
/// </summary>
internal static partial class DescriptorLimit
{
    private const int NumberOfOpenFiles = 7;

    /// <summary>Kept from clients: tables, log files, peers, HTTP. A store that cannot open its next log file has to stop.</summary>
    private const ulong Reserve = 2048;

    /// <summary>Raises the soft limit to the hard one.</summary>
    /// <returns>The limit that now holds.</returns>
    public static unsafe ulong Raise()
    {
        ResourceLimit limit;
        if (GetLimit(NumberOfOpenFiles, &limit) != 0) return 1024;
        var wanted = limit with { Soft = limit.Hard };
        return limit.Soft >= limit.Hard || SetLimit(NumberOfOpenFiles, &wanted) != 0 ? limit.Soft : wanted.Soft;
    }

    /// <summary>The client connections that fit: <paramref name="wanted"/>, or fewer where the limit would leave the store too few descriptors.</summary>
    public static int Connections(int wanted, ILogger log)
    {
        var limit = Raise();
        var room = (int)Math.Min(limit - Math.Min(Reserve, limit / 2), int.MaxValue);
        if (room >= wanted) return wanted;
        log.LogWarning("at most {Room} client connections instead of {Wanted}: this process may open {Limit} files (LimitNOFILE, ulimit -Hn)", room, wanted, limit);
        return room;
    }

    [LibraryImport("libc", EntryPoint = "getrlimit")]
    private static unsafe partial int GetLimit(int resource, ResourceLimit* limit);

    [LibraryImport("libc", EntryPoint = "setrlimit")]
    private static unsafe partial int SetLimit(int resource, ResourceLimit* limit);

    /// <summary>struct rlimit of 64-bit Linux.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private record struct ResourceLimit(ulong Soft, ulong Hard);
}
