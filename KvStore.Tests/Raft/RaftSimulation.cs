using System.Collections.Immutable;
using KvStore.Core.Primitives;
using KvStore.Core.Raft;
using Shouldly;

namespace KvStore.Tests.Raft;

/// <summary>
/// A group under random faults from one seed: messages lost, reordered, repeated and cut off; disks that lag and report late; crashes
/// that forget what was not durable; compaction, snapshots, transfers and, if asked for, changes of membership. After every step the
/// promises of Raft (paper, figure 3) are checked; in the end the faults stop and the group has to come to rest.
/// </summary>
internal sealed class RaftSimulation
{
    private const int MaxPackets = 400;

    private readonly Prng _random;
    private readonly bool _membership;
    private readonly RaftOptions _options = new()
    {
        MaxInflightBytes = 200,
        MaxAppendBytes = 60,
        MaxAppendEntries = 4,
        MaxInflightMessages = 6,
        MaxUncommittedBytes = 2000,
    };

    private readonly List<RaftReplica> _replicas = [];
    private readonly Dictionary<ReplicaId, Queue<TestDisk.Notice>> _notices = [];
    private readonly List<Packet> _network = [];
    private readonly HashSet<(ReplicaId, ReplicaId)> _cut = [];
    private readonly RaftInvariants _invariants = new();
    private long _nowMs = 1;
    private ulong _payload = 1;
    private RaftReplica? _mayNotLead;

    public RaftSimulation(ulong seed, int voters, bool membership)
    {
        _random = new Prng(seed);
        _membership = membership;
        var configuration = RaftConfiguration.Of([.. Enumerable.Range(1, voters).Select(i => MemberOf((ulong)i))]);
        for (var i = 1; i <= voters; i++) Add((ulong)i, configuration);
    }

    public int Commits => _invariants.AppliedCount;

    public int ReadsConfirmed => _invariants.ReadsConfirmed;

    /// <summary>A number that depends on every draw and on what was applied: equal for equal seeds.</summary>
    public ulong Fingerprint => _random.NextUInt64() ^ _invariants.Digest;

    public void Run(int steps)
    {
        for (var step = 0; step < steps; step++)
        {
            Step();
            foreach (var replica in _replicas) Pump(replica);
            if (step % 64 == 0) _invariants.CheckLogs(_replicas);
        }
    }

    /// <summary>No more faults: all replicas of the final configuration must reach one state that holds a new entry, and fall silent.</summary>
    public void Heal()
    {
        _cut.Clear();
        foreach (var replica in _replicas) replica.Room = int.MaxValue;

        // Where it is the only voter, nobody else can.
        if (_membership || _replicas.Count == 1 || _random.Chance(1, 2)) _mayNotLead?.Node.AllowLeading();
        (ulong Payload, Term Term) marker = default;
        for (var round = 0; round < 4000; round++)
        {
            _nowMs += 10;
            Exchange();
            foreach (var replica in _replicas) Hear(replica);
            foreach (var replica in _replicas) Tick(replica);
            if (Leader() is not { } leader || !leader.Node.HasCommittedInTerm) continue;
            if (leader.Node.Configuration.IsJoint) leader.Propose(ConfigurationChange.LeaveJoint(), out _);
            else if (marker.Term != leader.Node.Term) marker = Mark(leader);
            else if (IsAtRest(leader, marker.Payload)) return;
        }

        throw new InvalidOperationException("the group did not come to rest: " + $"{_network.Count} under way, marker {marker} {_invariants.IsApplied(marker.Payload)}, due {Leader()?.Node.NextDeadlineMs} at {_nowMs}; " + string.Join("; ", _replicas.Select(Describe)));
    }

    private static Member MemberOf(ulong id) => new(new NodeId((ushort)id), id, new ReplicaId(id));

    private static string Describe(RaftReplica r) =>
        $"{r.Id} {r.Node.Role} term {r.Node.Term} leader {r.Node.Leader} last {r.Node.Log.LastIndex} durable {r.Node.Durable} commit {r.Node.Commit} applied {r.Node.Applied} {r.Node.Configuration}";

    private (ulong Payload, Term Term) Mark(RaftReplica leader) =>
        leader.Propose(++_payload, 10, out _) == ProposeResult.Accepted ? (_payload, leader.Node.Term) : default;

    private bool IsAtRest(RaftReplica leader, ulong marker)
    {
        if (!_invariants.IsApplied(marker) || _network.Count > 0) return false;
        foreach (var replica in _replicas)
            if (leader.Node.Configuration.Contains(replica.Id) && replica.State != leader.State) return false;
        if (leader.Node.NextDeadlineMs != long.MaxValue) return false;
        _invariants.CheckLogs(_replicas);
        return true;
    }

    private void Step()
    {
        switch (_random.Next(1000))
        {
            case < 500: DeliverOne(); break;
            case < 680: Sync(Any()); break;
            case < 750: ReportOne(Any()); break;
            case < 840: Advance(); break;
            case < 900: Propose(); break;
            case < 955: Read(); break;
            case < 965: Crash(Any()); break;
            case < 972: ChangePartition(); break;
            case < 975: Any().Node.TransferLeadership(Any().Id, _nowMs); break;
            case < 978: Any().Node.Campaign(_nowMs); break;
            case < 984: Compact(Any()); break;
            case < 987: Any().Node.ResumeReplication(Any().Id); break;
            case < 990: Any().Node.OnUnreachable(Any().Id); break;
            case < 993: CheckQuorum(Any()); break;
            case < 994: Any().Node.StepDown(); break;
            case < 995: ForbidOrAllowLeading(Any()); break;
            case < 996: SetRoom(Any()); break;
            case < 997: Hear(Any()); break;
            default: if (_membership) ChangeMembership(); break;
        }
    }

    private void SetRoom(RaftReplica replica)
    {
        replica.Room = _random.Chance(1, 2) ? int.MaxValue : _random.Next(3);
        if (replica.Room > 0) replica.Node.ReportRoom();
    }

    /// <summary>At most one replica may not lead at a time, as after damage.</summary>
    private void ForbidOrAllowLeading(RaftReplica replica)
    {
        var before = _mayNotLead;
        before?.Node.AllowLeading();
        _mayNotLead = before == replica ? null : replica;
        _mayNotLead?.Node.ForbidLeading(_nowMs);
    }

    private RaftReplica Any() => _replicas[_random.Next(_replicas.Count)];

    private void Add(ulong id, RaftConfiguration configuration)
    {
        var replica = new RaftReplica(new ReplicaId(id), configuration, _options, _random.NextUInt64()) { OnApply = _invariants.OnApply };
        _notices[replica.Id] = [];
        _replicas.Add(replica);
    }

    private void Pump(RaftReplica replica)
    {
        replica.Pump();
        foreach (var packet in replica.Sent)
            if (_network.Count < MaxPackets) _network.Add(packet);
            else Drop(packet);
        replica.Sent.Clear();
        _invariants.CheckLeader(replica);
        _invariants.CheckReads(replica);
    }

    private void DeliverOne()
    {
        if (_network.Count == 0) return;
        // Mostly in order, as connections are, sometimes not.
        var at = _random.Chance(7, 10) ? 0 : _random.Next(_network.Count);
        var packet = _network[at];
        if (_random.Chance(96, 100)) _network.RemoveAt(at);
        if (_random.Chance(5, 100) || _cut.Contains((packet.Message.From, packet.Message.To))) Drop(packet);
        else Receive(packet);
    }

    private void Receive(Packet packet)
    {
        if (Find(packet.Message.To) is not { } target) return;
        target.Deliver(packet, _nowMs);
        if (packet.Snapshot is { } snapshot)
            Find(packet.Message.From)?.Node.OnSnapshotStatus(packet.Message.To, snapshot.Index, ok: true);
    }

    private void Drop(Packet packet)
    {
        if (packet.Snapshot is not null) Find(packet.Message.From)?.Node.OnSnapshotStatus(packet.Message.To, LogIndex.Zero, ok: false);
    }

    private RaftReplica? Find(ReplicaId id)
    {
        foreach (var replica in _replicas)
            if (replica.Id == id) return replica;
        return null;
    }

    private void Sync(RaftReplica replica)
    {
        foreach (var notice in replica.SyncSilently(1 + _random.Next(6))) _notices[replica.Id].Enqueue(notice);
        if (_random.Chance(1, 2)) ReportOne(replica);
    }

    private void ReportOne(RaftReplica replica)
    {
        for (var left = 1 + _random.Next(4); left > 0 && _notices[replica.Id].TryDequeue(out var notice); left--) replica.Report(notice);
        replica.ReleaseHeld();
    }

    private void Advance()
    {
        _nowMs += _random.Next(150);
        Tick(Any());
    }

    private void Tick(RaftReplica replica)
    {
        if (replica.Node.NextDeadlineMs <= _nowMs) replica.Node.Tick(_nowMs);
    }

    private void Propose()
    {
        var replica = Any();
        for (var left = _random.Next(4); left >= 0; left--) replica.Propose(++_payload, _random.Next(40), out _);
    }

    private void Read()
    {
        var replica = Any();
        if (replica.Node.RequestRead() is { } round) _invariants.OnRead(replica, round);
    }

    private void Crash(RaftReplica replica)
    {
        replica.Crash(_random.Next(replica.PendingWrites + 1));
        _notices[replica.Id].Clear();
        _invariants.OnCrash(replica);
    }

    private void ChangePartition()
    {
        _cut.Clear();
        if (_random.Chance(1, 2)) return;
        var alone = Any().Id;
        foreach (var other in _replicas)
        {
            _cut.Add((alone, other.Id));
            if (_random.Chance(3, 4)) _cut.Add((other.Id, alone));
        }
    }

    private void Compact(RaftReplica replica)
    {
        // The disk's report of what is written comes with it, so nothing older is under way.
        while (_notices[replica.Id].TryDequeue(out var notice)) replica.Report(notice);
        foreach (var notice in replica.SyncSilently()) replica.Report(notice);
        replica.ReleaseHeld();
        replica.Compact(replica.State.Index);
    }

    private bool Follows(RaftReplica follower, RaftReplica leader) =>
        leader.Node.Role == RaftRole.Leader && follower.Node.Term == leader.Node.Term && follower != leader
        && !_cut.Contains((leader.Id, follower.Id)) && !_cut.Contains((follower.Id, leader.Id));

    /// <summary>What node-level heartbeats would tell the replica now.</summary>
    private void Hear(RaftReplica replica)
    {
        replica.Node.LeaderAlive = _replicas.Exists(l => Follows(replica, l));
        foreach (var leader in _replicas)
            if (leader.Node.Role == RaftRole.Leader && leader != replica && !_cut.Contains((leader.Id, replica.Id)))
                replica.Node.Observe(leader.Node.Term, leader.Id, _nowMs);
    }

    private void CheckQuorum(RaftReplica leader) =>
        leader.Node.CheckQuorum([.. _replicas.Where(r => Follows(r, leader)).Select(r => r.Id)], _nowMs);

    private RaftReplica? Leader() => _replicas.Where(r => r.Node.Role == RaftRole.Leader).MaxBy(r => r.Node.Term.Value);

    private void Exchange()
    {
        foreach (var replica in _replicas)
        {
            while (_notices[replica.Id].TryDequeue(out var notice)) replica.Report(notice);
            replica.Sync();
            Pump(replica);
        }

        var moving = _network.ToList();
        _network.Clear();
        foreach (var packet in moving) Receive(packet);
        foreach (var replica in _replicas) Pump(replica);
    }

    private void ChangeMembership()
    {
        if (Leader() is not { } leader) return;
        var current = leader.Node.Configuration;
        var change = _random.Next(5) switch
        {
            0 when _replicas.Count < 9 => ConfigurationChange.AddLearner(MemberOf((ulong)_replicas.Count + 1)),
            1 when current.Learners.Length > 0 => ConfigurationChange.Promote(current.Learners[0].Replica),
            2 when current.Voters.Length > 2 => ConfigurationChange.Remove(current.Voters[_random.Next(current.Voters.Length)].Replica),
            3 => ConfigurationChange.EnterJoint(SomeOf([.. current.Voters, .. current.Learners])),
            _ => ConfigurationChange.LeaveJoint(),
        };
        if (ConfigurationChange.Refusal(current, change) is not null) return;
        var result = leader.Propose(change, out _);
        if (result == ProposeResult.Accepted && change.Kind == ConfigurationChangeKind.AddLearner)
            Add(change.Member.Replica.Value, RaftConfiguration.Empty);
    }

    private ImmutableArray<Member> SomeOf(Member[] members)
    {
        var chosen = members.Where(_ => _random.Chance(3, 4)).ToImmutableArray();
        return chosen.IsEmpty ? [.. members] : chosen;
    }
}
