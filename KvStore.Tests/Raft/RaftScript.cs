using System.Globalization;
using System.Text;
using KvStore.Core.Primitives;
using KvStore.Core.Raft;

namespace KvStore.Tests.Raft;

/// <summary>
/// Runs the commands of a golden script, one at a time, on a group of replicas, and tells in words what every replica did. Replicas are
/// named by number; time moves only by the command `time`. Commands:
///   add-nodes COUNT [learners=N] [empty=N]      replicas 1.. with one configuration; the last N know no configuration
///   options NAME=VALUE ...                      before add-nodes: inflight, append-bytes, append-entries, uncommitted, commit-notice
///   campaign N [transfer] | step-down N | crash N [survivors=K] | durable N [writes=K] | leader-alive N true|false
///   propose N SIZE [count=K] | change N add-learner|promote|remove M | change N joint A B C | change N leave
///   deliver [to=N] [from=N] [type=T] [count=K] [drop=K] [duplicate]    messages under way, oldest first
///   stabilize [N ...]                           deliver and sync until nothing moves (among the named only)
///   time MS                                     advances the clock; replicas that are due tick
///   read N | transfer N M | check-quorum N [M ...] | compact N INDEX | resume N M | unreachable N M | snapshot-failed N M
///   room N ENTRIES                              what N can take of one message from now on; report-room N
///   status | log N | progress N
/// </summary>
internal sealed class RaftScript
{
    private readonly SortedDictionary<ulong, RaftReplica> _replicas = [];
    private readonly List<Packet> _network = [];
    private readonly StringBuilder _output = new();
    private RaftOptions _options = new();
    private long _nowMs = 1000;
    private ulong _nextPayload = 1;

    /// <summary>Messages under way, oldest first.</summary>
    public IReadOnlyList<Packet> Network => _network;

    public long NowMs => _nowMs;

    public RaftReplica this[ulong id] => _replicas[id];

    /// <summary>Runs several commands, one a line.</summary>
    public void RunAll(string lines)
    {
        foreach (var line in lines.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)) Run(line);
    }

    /// <summary>Runs one command and tells what the replicas did.</summary>
    public string Run(string line)
    {
        _output.Clear();
        var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var names = words.Skip(1).Where(w => !w.Contains('=')).ToArray();
        var settings = words.Skip(1).Where(w => w.Contains('=')).ToDictionary(w => w[..w.IndexOf('=')], w => w[(w.IndexOf('=') + 1)..]);
        Execute(words[0], names, settings);
        foreach (var replica in _replicas.Values) Pump(replica);
        return _output.Length == 0 ? "ok\n" : _output.ToString();
    }

    private void Execute(string verb, string[] names, Dictionary<string, string> settings)
    {
        switch (verb)
        {
            case "add-nodes": AddNodes(int.Parse(names[0]), Number(settings, "learners", 0), Number(settings, "empty", 0)); break;
            case "options": _options = Options(settings); break;
            case "campaign": Get(names[0]).Node.Campaign(_nowMs, names.Contains("transfer")); break;
            case "step-down": Get(names[0]).Node.StepDown(); break;
            case "crash": Get(names[0]).Crash(Number(settings, "survivors", 0)); break;
            case "durable": Get(names[0]).Sync(Number(settings, "writes", int.MaxValue)); break;
            case "leader-alive": Get(names[0]).Node.LeaderAlive = bool.Parse(names[1]); break;
            case "propose": Propose(Get(names[0]), int.Parse(names[1]), Number(settings, "count", 1)); break;
            case "change": Change(Get(names[0]), names[1..]); break;
            case "deliver": Deliver(names, settings); break;
            case "stabilize": Stabilize(names); break;
            case "time": Advance(long.Parse(names[0])); break;
            case "read": Say(names[0], $"round {Get(names[0]).Node.RequestRead()?.ToString(CultureInfo.InvariantCulture) ?? "refused"}"); break;
            case "transfer": Say(names[0], $"{Get(names[0]).Node.TransferLeadership(Id(names[1]), _nowMs)}"); break;
            case "forbid-leading": Get(names[0]).Node.ForbidLeading(_nowMs); break;
            case "allow-leading": Get(names[0]).Node.AllowLeading(); break;
            case "room": Get(names[0]).Room = int.Parse(names[1]); break;
            case "report-room": Get(names[0]).Node.ReportRoom(); break;
            case "check-quorum": Get(names[0]).Node.CheckQuorum([.. names[1..].Select(Id)], _nowMs); break;
            case "compact": Get(names[0]).Compact(new LogIndex(ulong.Parse(names[1]))); break;
            case "resume": Get(names[0]).Node.ResumeReplication(Id(names[1])); break;
            case "unreachable": Get(names[0]).Node.OnUnreachable(Id(names[1])); break;
            case "snapshot-failed": Get(names[0]).Node.OnSnapshotStatus(Id(names[1]), LogIndex.Zero, ok: false); break;
            case "status": foreach (var replica in _replicas.Values) Status(replica); break;
            case "log": Log(Get(names[0])); break;
            case "progress": ShowProgress(Get(names[0])); break;
            default: throw new ArgumentException($"unknown command {verb}");
        }
    }

    private static RaftOptions Options(Dictionary<string, string> settings) => new()
    {
        MaxInflightBytes = Number(settings, "inflight", 4 << 20),
        MaxAppendBytes = Number(settings, "append-bytes", 256 << 10),
        MaxAppendEntries = Number(settings, "append-entries", 1024),
        MaxUncommittedBytes = Number(settings, "uncommitted", 16 << 20),
        CommitNoticeMs = Number(settings, "commit-notice", 0),
    };

    private static int Number(Dictionary<string, string> settings, string name, int otherwise) =>
        settings.TryGetValue(name, out var text) ? int.Parse(text) : otherwise;

    private static ReplicaId Id(string name) => new(ulong.Parse(name));

    private static Member MemberOf(ulong id) => new(new NodeId((ushort)id), id, new ReplicaId(id));

    private RaftReplica Get(string name) => _replicas[ulong.Parse(name)];

    private void Say(string who, string text) => _output.Append(who).Append(": ").Append(text).Append('\n');

    private void AddNodes(int count, int learners, int empty)
    {
        var first = _replicas.Count;
        var ids = Enumerable.Range(first + 1, count).Select(i => (ulong)i).ToArray();
        var members = ids.Select(MemberOf).ToArray();
        var named = count - empty;
        var configuration = new RaftConfiguration(
            [.. members[..(named - learners)]], [], [.. members[(named - learners)..named]], LogIndex.Zero);
        foreach (var id in ids)
        {
            var known = (int)id - first <= named ? configuration : RaftConfiguration.Empty;
            var replica = new RaftReplica(new ReplicaId(id), known, _options, seed: id);
            replica.Trace = text => Say(id.ToString(CultureInfo.InvariantCulture), text);
            _replicas.Add(id, replica);
        }
    }

    private void Propose(RaftReplica replica, int size, int count)
    {
        for (var i = 0; i < count; i++)
        {
            var result = replica.Propose(_nextPayload++, size, out var index);
            Say($"{replica.Id.Value}", result == ProposeResult.Accepted ? $"proposed {index}" : $"{result}");
        }
    }

    private void Change(RaftReplica replica, string[] words)
    {
        var change = words[0] switch
        {
            "add-learner" => ConfigurationChange.AddLearner(MemberOf(ulong.Parse(words[1]))),
            "promote" => ConfigurationChange.Promote(Id(words[1])),
            "remove" => ConfigurationChange.Remove(Id(words[1])),
            "joint" => ConfigurationChange.EnterJoint([.. words[1..].Select(w => MemberOf(ulong.Parse(w)))]),
            _ => ConfigurationChange.LeaveJoint(),
        };
        if (ConfigurationChange.Refusal(replica.Node.Configuration, change) is { } reason)
        {
            Say($"{replica.Id.Value}", $"refused: {reason}");
            return;
        }

        var result = replica.Propose(change, out var index);
        Say($"{replica.Id.Value}", result == ProposeResult.Accepted ? $"proposed {index}" : $"{result}");
    }

    private void Deliver(string[] flags, Dictionary<string, string> settings)
    {
        var matching = _network.Where(p =>
            (!settings.TryGetValue("to", out var to) || p.Message.To == Id(to))
            && (!settings.TryGetValue("from", out var from) || p.Message.From == Id(from))
            && (!settings.TryGetValue("type", out var type) || p.Message.Type.ToString() == type)).ToList();
        var drop = Number(settings, "drop", 0);
        foreach (var packet in matching.Take(drop))
        {
            _network.Remove(packet);
            _output.Append($"lost {packet}\n");
        }

        foreach (var packet in matching.Skip(drop).Take(Number(settings, "count", int.MaxValue)))
        {
            if (!flags.Contains("duplicate")) _network.Remove(packet);
            Receive(packet);
        }
    }

    private void Receive(Packet packet)
    {
        if (!_replicas.TryGetValue(packet.Message.To.Value, out var replica)) return;
        var ignored = replica.Node.IgnoredMessages;
        replica.Deliver(packet, _nowMs);
        if (replica.Node.IgnoredMessages > ignored) Say($"{replica.Id.Value}", $"ignored {packet}");
        if (packet.Snapshot is { } snapshot)
            _replicas[packet.Message.From.Value].Node.OnSnapshotStatus(replica.Id, snapshot.Index, ok: true);
        Pump(replica);
    }

    private void Stabilize(string[] names)
    {
        var among = names.Length == 0 ? [.. _replicas.Values] : names.Select(Get).ToList();
        for (var round = 0; round < 100; round++)
        {
            foreach (var replica in among) Pump(replica);
            foreach (var replica in among.Where(r => r.PendingWrites > 0))
            {
                replica.Sync();
                Pump(replica);
            }

            var moving = _network.Where(p => among.Any(r => r.Id == p.Message.To)).ToList();
            if (moving.Count == 0 && among.All(r => r.PendingWrites == 0)) return;
            foreach (var packet in moving)
            {
                _network.Remove(packet);
                Receive(packet);
            }
        }

        throw new InvalidOperationException("the group does not come to rest");
    }

    private void Advance(long ms)
    {
        var end = _nowMs + ms;
        while (true)
        {
            // A deadline of 0 asks for a tick now; one further on moves the clock there first.
            var next = _replicas.Values.Min(r => r.Node.NextDeadlineMs);
            if (next > end) break;
            _nowMs = Math.Max(_nowMs, next);
            foreach (var replica in _replicas.Values.Where(r => r.Node.NextDeadlineMs <= _nowMs))
            {
                replica.Node.Tick(_nowMs);
                if (replica.Node.HasReady) Say($"{replica.Id.Value}", "timer");
                Pump(replica);
            }
        }

        _nowMs = end;
    }

    private void Pump(RaftReplica replica)
    {
        replica.Pump();
        _network.AddRange(replica.Sent);
        replica.Sent.Clear();
        replica.Pump();
    }

    private void Status(RaftReplica replica)
    {
        var node = replica.Node;
        Say($"{replica.Id.Value}", $"{node.Role} term={node.Term} vote={node.HardState.Vote.Value} leader={node.Leader.Value} last={node.Log.LastIndex} durable={node.Durable} commit={node.Commit} applied={node.Applied}");
    }

    private void Log(RaftReplica replica)
    {
        var log = replica.Node.Log;
        var entries = new List<string>();
        for (var index = log.FirstIndex; index <= log.LastIndex; index = index.Next) entries.Add($"{index}/{log.TermAt(index)}");
        Say($"{replica.Id.Value}", $"after {log.SnapshotIndex}/{log.SnapshotTerm}: {string.Join(' ', entries)}");
    }

    private void ShowProgress(RaftReplica replica)
    {
        foreach (var id in _replicas.Values.Select(r => r.Id))
            if (replica.Node.TryGetProgress(id, out var progress))
                Say($"{id.Value}", $"{progress.State} match={progress.Match} next={progress.Next} inflight={progress.InflightBytes}");
    }
}
