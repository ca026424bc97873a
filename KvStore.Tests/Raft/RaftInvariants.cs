using KvStore.Core.Primitives;
using KvStore.Core.Raft;

namespace KvStore.Tests.Raft;

/// <summary>The promises of Raft, checked over all replicas from outside (Raft paper, figure 3, and linearizable reads).</summary>
internal sealed class RaftInvariants
{
    private readonly Dictionary<Term, ReplicaId> _leaders = [];
    private readonly List<(TestEntry Entry, Term KnownIn)> _applied = [];
    private readonly HashSet<ulong> _payloads = [];
    private readonly List<PendingRead> _reads = [];

    public int AppliedCount => _applied.Count;

    public int ReadsConfirmed { get; private set; }

    public ulong Digest { get; private set; }

    public bool IsApplied(ulong payload) => _payloads.Contains(payload);

    /// <summary>State machine safety: what is applied at an index is the same everywhere and for ever.</summary>
    public void OnApply(RaftReplica replica, LogIndex index, TestEntry entry)
    {
        var at = (int)index.Value - 1;
        if (at < _applied.Count)
        {
            if (_applied[at].Entry != entry) throw Broken($"{replica.Id} applies {entry} at {index}, before it was {_applied[at].Entry}");
            return;
        }

        if (at > _applied.Count) throw Broken($"{replica.Id} applies {index} before {_applied.Count + 1}");
        _applied.Add((entry, replica.Node.Term));
        _payloads.Add(entry.Payload);
        Digest = replica.State.Digest;
    }

    /// <summary>Election safety, and leader completeness: a leader's log holds all that was committed in earlier terms.</summary>
    public void CheckLeader(RaftReplica replica)
    {
        var node = replica.Node;
        if (node.Role != RaftRole.Leader) return;
        if (!_leaders.TryAdd(node.Term, replica.Id))
        {
            if (_leaders[node.Term] != replica.Id) throw Broken($"{replica.Id} and {_leaders[node.Term]} lead term {node.Term}");
            return;
        }

        for (var i = _applied.Count; i > 0; i--)
        {
            var index = new LogIndex((ulong)i);
            if (index <= node.Log.SnapshotIndex) return;
            if (_applied[i - 1].KnownIn >= node.Term) continue;
            if (index > node.Log.LastIndex || replica.EntryAt(index) != _applied[i - 1].Entry)
                throw Broken($"{replica.Id} leads term {node.Term} without the committed entry {index}");
        }
    }

    /// <summary>Log matching: entries of one index and term are the same, and so is everything before them.</summary>
    public void CheckLogs(List<RaftReplica> replicas)
    {
        for (var a = 0; a < replicas.Count; a++)
            for (var b = a + 1; b < replicas.Count; b++)
                CheckPair(replicas[a], replicas[b]);
    }

    public void OnRead(RaftReplica replica, ulong round) =>
        _reads.Add(new PendingRead(replica.Id, round, replica.Node.Commit, _applied.Count));

    /// <summary>A confirmed read sees every entry that anybody had applied, and so may have acknowledged, when the read began.</summary>
    public void CheckReads(RaftReplica replica)
    {
        foreach (var round in replica.ConfirmedReads)
        {
            foreach (var read in _reads)
            {
                if (read.Replica != replica.Id || read.Round > round) continue;
                ReadsConfirmed++;
                if (read.Index.Value < (ulong)read.AppliedBefore)
                    throw Broken($"{replica.Id} reads at {read.Index} though {read.AppliedBefore} was applied before");
            }

            _reads.RemoveAll(r => r.Replica == replica.Id && r.Round <= round);
        }

        replica.ConfirmedReads.Clear();
        if (replica.ReadsLost) OnCrash(replica);
        replica.ReadsLost = false;
    }

    public void OnCrash(RaftReplica replica) => _reads.RemoveAll(r => r.Replica == replica.Id);

    private static void CheckPair(RaftReplica a, RaftReplica b)
    {
        var index = LogIndex.Min(a.LastIndex, b.LastIndex);
        var first = LogIndex.Max(a.Node.Log.FirstIndex, b.Node.Log.FirstIndex);
        var mustMatch = false;
        for (; index >= first; index = index.Previous)
        {
            var same = a.EntryAt(index).Term == b.EntryAt(index).Term;
            if (same && a.EntryAt(index) != b.EntryAt(index)) throw Broken($"{a.Id} and {b.Id} differ at {index} in one term");
            if (mustMatch && !same) throw Broken($"{a.Id} and {b.Id} differ at {index} and agree after it");
            mustMatch |= same;
            if (a.Node.Log.TermAt(index) != a.EntryAt(index).Term) throw Broken($"{a.Id}: Raft and the driver differ at {index}");
        }
    }

    private static InvalidOperationException Broken(string what) => new(what);

    private sealed record PendingRead(ReplicaId Replica, ulong Round, LogIndex Index, int AppliedBefore);
}
