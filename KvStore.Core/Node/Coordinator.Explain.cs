using KvStore.Core.Primitives;
using KvStore.Core.Raft;
using KvStore.Core.Ring;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;

namespace KvStore.Core.Node;

/// <summary>What the cluster knows of one key: every replica is asked for its own view.</summary>
public sealed partial class Coordinator
{
    private void OnExplain(in ClientRequest request)
    {
        var key = ExplainRequest.Decode(request.Body).Key.ToArray();
        if (key.Length is 0 or > Limits.KeyBytes)
        {
            Refuse(request, KvError.InvalidRequest, $"a key has 1 to {Limits.KeyBytes} bytes");
            return;
        }

        var partition = _topology.PartitionOf(key);
        if (!request.Forwarded)
        {
            ExplainedKey.Start(this, request, partition, key);
            return;
        }

        var buffer = RentBuffer();
        Explanation(partition, key, [ReplicaHere(partition, key)]).Encode(buffer);
        request.Sink.Reply(request.Id, FrameType.ExplainReply, buffer.Written);
        ReturnBuffer(buffer);
    }

    internal ReadOnlySpan<Replica> ReplicasOf(PartitionId partition) => _topology.ReplicasOf(partition);

    internal ExplainReplica Unreachable(NodeId node, string reason) => new()
    {
        Node = node.Value,
        Name = _topology.Find(node)?.Name ?? "",
        Zone = _topology.Find(node)?.Zone ?? "",
        Reachable = false,
        Reason = reason,
    };

    internal ExplainReply Explanation(PartitionId partition, ReadOnlySpan<byte> key, IReadOnlyList<ExplainReplica> replicas)
    {
        var leader = _heartbeats.LeaderHint(partition);
        var live = LiveReplicas(partition);
        var strong = live < 2
            ? new ExplainVerdict(false, $"{live} of 3 replicas can be reached, 2 are needed")
            : leader.IsNone ? new ExplainVerdict(false, "the partition has no primary at the moment") : new ExplainVerdict(true, $"{leader} is primary and {live} of 3 replicas can be reached");
        return new ExplainReply
        {
            Hash = KeyHash.Of(key),
            Partition = partition.Value,
            PartitionCount = (uint)_topology.PartitionCount,
            RingPosition = KeyHash.StartOf(partition, _topology.PartitionCount),
            Leader = leader.Value,
            Replicas = replicas,
            LocalRead = live > 0 ? new ExplainVerdict(true, "answered by any live replica from its own state") : new ExplainVerdict(false, "no replica can be reached"),
            QuorumRead = strong,
            StrongWrite = strong,
        };
    }

    private ExplainReplica ReplicaHere(PartitionId partition, ReadOnlySpan<byte> key)
    {
        var member = _topology.Find(_context.Self)!;
        if (Reads.Status(partition) is not { } status) return Unreachable(_context.Self, "does not hold the partition");
        if (status.Halt is { } halt) return Unreachable(_context.Self, halt.ToException().Message);
        var seen = status.Read();
        var baseNs = Reads.BaseNs(partition);
        using var view = Reads.Store(partition).Pin();
        var found = view.TryGet(key, includeOverlay: true, out var info, out _);
        var live = found && StateMachine.IsLive(info, Reads.ExpiryNowMs(view.LogTime));
        return new ExplainReplica
        {
            Node = _context.Self.Value,
            Name = member.Name,
            Zone = member.Zone,
            Reachable = true,
            LeaderKnown = !seen.Leader.IsNone,
            Role = seen.Role switch
            {
                RaftRole.Leader => ReplicaRole.Primary,
                RaftRole.Follower => ReplicaRole.Replica,
                RaftRole.Learner => ReplicaRole.Learner,
                _ => ReplicaRole.Candidate,
            },
            Term = seen.Term.Value,
            AppliedIndex = seen.Applied.Value,
            LastIndex = seen.LastIndex.Value,
            CommitIndex = seen.Commit.Value,
            Found = live,
            Tombstone = found && !live,
            Revision = found ? info.Revision.ToWire() : WireRevision.None,
            ExpiresAtMs = found && info.ExpiresAtMs != 0 ? (ulong)info.ExpiresAtMs : null,
            StalenessMs = (ulong?)Staleness.BoundMs(baseNs, NowNs),
        };
    }

    /// <summary>Gathers the replicas' views.</summary>
    private sealed class ExplainedKey(Coordinator coordinator, IReplySink sink, ulong requestId, PartitionId partition, byte[] key, NodeId[] nodes) : IReplySink
    {
        private readonly ExplainReplica[] _replicas = new ExplainReplica[nodes.Length];
        private int _left = nodes.Length;

        public static void Start(Coordinator coordinator, in ClientRequest request, PartitionId partition, byte[] key)
        {
            var nodes = new NodeId[Topology.ReplicasPerPartition];
            for (var i = 0; i < nodes.Length; i++) nodes[i] = coordinator.ReplicasOf(partition)[i].Node;
            var explained = new ExplainedKey(coordinator, request.Sink, request.Id, partition, key, nodes);
            for (var i = 0; i < nodes.Length; i++)
            {
                coordinator.Route(new AskedNode(
                    coordinator,
                    new ClientRequest { Type = FrameType.Explain, Id = (ulong)i, DeadlineNs = request.DeadlineNs, Body = request.Body, Sink = explained },
                    nodes[i]));
            }
        }

        public void Reply(ulong position, FrameType type, ReadOnlySpan<byte> body)
        {
            _replicas[position] = type == FrameType.ExplainReply && Replies.TryRead(body, ExplainReply.Decode, out var reply) && reply.Replicas.Count > 0
                ? reply.Replicas[0]
                : coordinator.Unreachable(nodes[position], coordinator._heartbeats.IsAlive(nodes[position]) ? "no_answer" : "down");
            if (Interlocked.Decrement(ref _left) > 0) return;
            var buffer = coordinator.RentBuffer();
            coordinator.Explanation(partition, key, _replicas).Encode(buffer);
            sink.Reply(requestId, FrameType.ExplainReply, buffer.Written);
            coordinator.ReturnBuffer(buffer);
        }
    }
}
