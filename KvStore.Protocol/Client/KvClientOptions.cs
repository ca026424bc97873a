using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;

namespace KvStore.Protocol.Client;

/// <summary>How a <see cref="KvClient"/> reaches the cluster. The defaults suit a server-side application.</summary>
public sealed record KvClientOptions
{
    /// <summary>"host:port" of one or more nodes, tried in this order to begin with; any node can coordinate any request.</summary>
    public required IReadOnlyList<string> Endpoints { get; init; }

    /// <summary>Send everything to the first endpoint that answers instead of learning the topology: one connection, no routing, no session consistency.</summary>
    public bool CoordinatorOnly { get; init; }

    /// <summary>Connections kept to each node that is used.</summary>
    public int ConnectionsPerNode { get; init; } = 1;

    /// <summary>Deadline of requests that state none of their own; carried to the servers.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Limit for one connection's TCP connect and handshake together.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>An idle connection is pinged after this time; without any sign of life for a third of it more, at least a second, it is given up. With requests under way it is pinged after 400 ms (a third of the interval if that is less), and while it does not answer within 200 ms other nodes are preferred for what comes.</summary>
    public TimeSpan PingInterval { get; init; } = TimeSpan.FromMilliseconds(Limits.PingAfterMs);

    /// <summary>The cluster to insist on; 0 = whichever answers.</summary>
    public UInt128 ClusterId { get; init; }

    /// <summary>Read your writes, and never read backwards, by sending the newest revision seen of a partition with each local get.</summary>
    public bool SessionConsistency { get; init; } = true;

    /// <summary>
    /// Complete requests on the thread that received the reply. Saves a thread switch for each request, but whatever continues there holds up
    /// all other replies of that connection: it must be short and must never block.
    /// </summary>
    public bool InlineCompletions { get; init; }

    /// <summary>For people reading the servers' logs.</summary>
    public string Name { get; init; } = "kvclient";
}

/// <summary>How one write is made.</summary>
/// <param name="Mode">Fast unless strong is said.</param>
/// <param name="TtlMs">Time to live in milliseconds; 0 = for ever; puts only.</param>
/// <param name="Condition">Strong writes only.</param>
/// <param name="RequestId">Idempotency id, at most 64 bytes; strong writes only.</param>
/// <param name="Timeout">Zero = the client's.</param>
public readonly record struct WriteOptions(
    WriteMode Mode = WriteMode.Fast, ulong TtlMs = 0, WriteCondition Condition = default, ReadOnlyMemory<byte> RequestId = default,
    TimeSpan Timeout = default, TraceContext Trace = default)
{
    public static WriteOptions Strong => new(WriteMode.Strong);
}

/// <summary>How one read is made.</summary>
/// <param name="Consistency">Local unless quorum is said.</param>
/// <param name="AtLeast">The answer must reflect this revision of the key's partition, whichever replica gives it.</param>
/// <param name="Timeout">Zero = the client's.</param>
public readonly record struct ReadOptions(
    ReadConsistency Consistency = ReadConsistency.Local, WireRevision AtLeast = default, TimeSpan Timeout = default, TraceContext Trace = default)
{
    public static ReadOptions Quorum => new(ReadConsistency.Quorum);
}
