using KvStore.Core.Io;
using KvStore.Core.Primitives;
using KvStore.Core.Raft;
using KvStore.Core.Ring;
using KvStore.Core.Storage;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;

namespace KvStore.Core.Node;

/// <summary>Reads of the replicas on this node, on the caller's thread: pinned views, no queue.</summary>
internal sealed class LocalReads(
    NodeContext context, Topology topology, PartitionStatus?[] statuses, IReadOnlyDictionary<PartitionId, PartitionStore> stores,
    Heartbeats heartbeats)
{
    public bool Holds(PartitionId partition) => statuses[partition.Value] is not null;

    public PartitionStatus? Status(PartitionId partition) => statuses[partition.Value];

    /// <exception cref="CorruptionException">The replica has halted at damage: it falls behind, and answers nothing until it is rebuilt.</exception>
    public PartitionStore Store(PartitionId partition) =>
        statuses[partition.Value]?.Halt is { } halt ? throw halt.ToException() : stores[partition];

    /// <summary>Whether a local read here would see everything up to an index.</summary>
    public bool HasReached(PartitionId partition, LogIndex index) => stores[partition].Applied.Index >= index;

    /// <summary>Milliseconds since the Unix epoch by which expiry is judged: log time or the clock, whichever is later.</summary>
    public long ExpiryNowMs(ulong logTime) => Math.Max((long)(logTime >> 16), context.Clock.WallMs);

    /// <summary>The bound of a replica's staleness in ms, and whether no primary is reachable from here.</summary>
    public (long? BoundMs, bool Detached, bool IsPrimary) Origin(PartitionId partition, long baseNs)
    {
        var leads = statuses[partition.Value]!.Read().Role == RaftRole.Leader;
        return (Staleness.BoundMs(baseNs, context.Clock.BootTimeNs), !leads && heartbeats.LeaderHint(partition).IsNone, leads);
    }

    /// <summary>Taken before the view is: the bound must not be newer than the state that is returned.</summary>
    public long BaseNs(PartitionId partition)
    {
        var status = statuses[partition.Value]!;
        var seen = status.Read();
        return status.Staleness.BaseNs(seen.DurableTerm, seen.Applied);
    }

    /// <summary>Reads one key and adds the answer to a reply. A value above <paramref name="roomBytes"/> is answered too_large. Returns the bytes used.</summary>
    public int Append(ref WireWriter writer, PartitionId partition, ReadOnlySpan<byte> key, ReadConsistency consistency, int roomBytes)
    {
        var baseNs = BaseNs(partition);
        using var view = Store(partition).Pin();
        var found = view.TryGet(key, ShowsOverlay(consistency), out var info, out var value);
        return Append(ref writer, partition, consistency, roomBytes, baseNs, view.LogTime, found, info, value);
    }

    /// <summary>As <see cref="Append"/>, for one key and a thread that must not wait for the disk: false, and nothing is added, if only that can tell.</summary>
    public bool TryAppendFromMemory(ref WireWriter writer, PartitionId partition, ReadOnlySpan<byte> key, ReadConsistency consistency)
    {
        var baseNs = BaseNs(partition);
        using var view = Store(partition).Pin();
        var lookup = view.FindInMemory(key, ShowsOverlay(consistency), out var info, out var value);
        if (lookup == Lookup.NeedsDisk) return false;
        Append(ref writer, partition, consistency, int.MaxValue, baseNs, view.LogTime, lookup == Lookup.Found, info, value);
        return true;
    }

    /// <summary>What is acknowledged and not yet applied may still be cut by a new primary.</summary>
    private static bool ShowsOverlay(ReadConsistency consistency) => consistency == ReadConsistency.Local;

    private int Append(
        ref WireWriter writer, PartitionId partition, ReadConsistency consistency, int roomBytes, long baseNs, ulong logTime, bool found,
        in RecordInfo info, ReadOnlySpan<byte> value)
    {
        var live = found && StateMachine.IsLive(info, ExpiryNowMs(logTime));
        var (boundMs, detached, isPrimary) = Origin(partition, baseNs);
        var fits = !live || value.Length <= roomBytes;
        var result = new ReadResult
        {
            Found = live && fits,
            Error = fits ? KvError.None : KvError.TooLarge,
            Revision = found ? info.Revision.ToWire() : WireRevision.None,
            ExpiresAtMs = live && info.ExpiresAtMs != 0 ? (ulong)info.ExpiresAtMs : null,
            Achieved = consistency,
            ServedBy = context.Self.Value,
            Partition = partition.Value,
            FromPrimary = isPrimary || consistency == ReadConsistency.Quorum,
            Detached = detached && consistency != ReadConsistency.Quorum,
            StalenessMs = consistency == ReadConsistency.Quorum ? 0 : (ulong?)boundMs,
        };
        GetReply.Append(ref writer, result, live && fits ? value : fits ? default : "the values of one reply are above 16 MiB together"u8);
        return live && fits ? value.Length : 0;
    }

    /// <summary>A live node that holds a partition.</summary>
    public NodeId NearestHolder(PartitionId partition)
    {
        if (Holds(partition)) return context.Self;
        foreach (var replica in topology.ReplicasOf(partition))
            if (heartbeats.IsAlive(replica.Node)) return replica.Node;
        return default;
    }
}
