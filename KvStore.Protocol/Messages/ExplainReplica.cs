using KvStore.Protocol.Wire;

namespace KvStore.Protocol.Messages;

/// <summary>What a replica is in its group.</summary>
public enum ReplicaRole : byte
{
    Unknown = 0,
    Primary = 1,
    Replica = 2,
    Candidate = 3,
    Learner = 4,
}

/// <summary>
/// One replica of a key's partition, and the key's record there.
/// <code>
/// u16 node, u8 role, u8 flags (1 reachable, 2 live record, 4 tombstone, 8 a staleness bound is known, 16 leader known),
/// u64 term, u64 applied, u64 last, u64 commit, revision, u64 expires at ms (0 never), u64 staleness ms, u32 detached writes,
/// string name, string zone, string why it is unreachable
/// </code>
/// </summary>
public sealed record ExplainReplica
{
    internal const int MinSize = 2 + 1 + 1 + (4 * 8) + WireRevision.Size + 8 + 8 + 4 + 6;

    public required ushort Node { get; init; }

    public string Name { get; init; } = "";

    public string Zone { get; init; } = "";

    /// <summary>It answered the node that was asked; without that all of the following is empty.</summary>
    public bool Reachable { get; init; }

    /// <summary>Why it did not answer.</summary>
    public string Reason { get; init; } = "";

    public ReplicaRole Role { get; init; }

    /// <summary>It follows, or is, a primary.</summary>
    public bool LeaderKnown { get; init; }

    public ulong Term { get; init; }

    public ulong AppliedIndex { get; init; }

    public ulong LastIndex { get; init; }

    public ulong CommitIndex { get; init; }

    /// <summary>There is a live record.</summary>
    public bool Found { get; init; }

    /// <summary>There is a deletion mark.</summary>
    public bool Tombstone { get; init; }

    /// <summary>Of the record or the tombstone; none if there is neither.</summary>
    public WireRevision Revision { get; init; }

    /// <summary>Milliseconds since the Unix epoch; null = never.</summary>
    public ulong? ExpiresAtMs { get; init; }

    /// <summary>Null = no bound.</summary>
    public ulong? StalenessMs { get; init; }

    /// <summary>Detached writes of the partition that wait there to be merged.</summary>
    public uint DetachedWrites { get; init; }

    internal void Write(ref WireWriter writer)
    {
        writer.UInt16(Node);
        writer.UInt8((byte)Role);
        writer.UInt8((byte)((Reachable ? 1 : 0) | (Found ? 2 : 0) | (Tombstone ? 4 : 0) | (StalenessMs is null ? 0 : 8) | (LeaderKnown ? 16 : 0)));
        writer.UInt64(Term);
        writer.UInt64(AppliedIndex);
        writer.UInt64(LastIndex);
        writer.UInt64(CommitIndex);
        Revision.Write(ref writer);
        writer.UInt64(ExpiresAtMs ?? 0);
        writer.UInt64(StalenessMs ?? 0);
        writer.UInt32(DetachedWrites);
        writer.String(Name);
        writer.String(Zone);
        writer.String(Reason);
    }

    internal static ExplainReplica Read(ref WireReader reader)
    {
        var node = reader.ReadUInt16();
        var role = (ReplicaRole)reader.ReadUInt8();
        var flags = reader.ReadUInt8();
        return new ExplainReplica
        {
            Node = node,
            Role = role,
            Reachable = (flags & 1) != 0,
            Found = (flags & 2) != 0,
            Tombstone = (flags & 4) != 0,
            LeaderKnown = (flags & 16) != 0,
            Term = reader.ReadUInt64(),
            AppliedIndex = reader.ReadUInt64(),
            LastIndex = reader.ReadUInt64(),
            CommitIndex = reader.ReadUInt64(),
            Revision = WireRevision.Read(ref reader),
            ExpiresAtMs = reader.ReadUInt64() is > 0 and var expires ? expires : null,
            StalenessMs = reader.ReadUInt64() is var staleness && (flags & 8) != 0 ? staleness : null,
            DetachedWrites = reader.ReadUInt32(),
            Name = reader.ReadString(),
            Zone = reader.ReadString(),
            Reason = reader.ReadString(),
        };
    }
}
