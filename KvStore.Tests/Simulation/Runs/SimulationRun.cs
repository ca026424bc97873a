using System.Collections.Immutable;
using System.IO.Hashing;
using System.Text;
using KvStore.Core.Node;
using KvStore.Core.Primitives;
using KvStore.Core.Raft;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;
using KvStore.Tests.Simulation.Checkers;

namespace KvStore.Tests.Simulation.Runs;

/// <summary>
/// One run: a cluster, its clients and its faults for a while; then everything is healed, the cluster must come to rest with all replicas
/// equal, and the checkers look at what was seen.
/// </summary>
internal sealed class SimulationRun : IDisposable
{
    /// <summary>Keys that are written when all is over, to see that it can be done.</summary>
    public const string LastWritesPrefix = "z";

    private const long NsPerMs = 1_000_000;
    private const long LookEveryNs = 10 * NsPerMs;
    private const ulong MostStaleAtRestMs = 1_000;
    private const long GatherAfterNs = 1_000 * NsPerMs;
    private const long RestWithinNs = 60_000 * NsPerMs;
    private readonly Scenario _scenario;
    private readonly SimCluster _cluster;
    private readonly Nemesis _nemesis;
    private readonly SeenHistory _history = new();
    private readonly List<SimClient> _clients = [];
    private readonly List<Violation> _violations = [];
    private readonly RaftWatch _raft = new();
    private readonly AcknowledgedEntries _acknowledged = new();
    private readonly PromiseWatch _promises;

    private SimulationRun(Scenario scenario)
    {
        _scenario = scenario;
        _cluster = new SimCluster(scenario.Seed, scenario.Nodes, scenario.Partitions, scenario.Options, holdsPages: true);
        _cluster.Network.MinDelayNs = scenario.MinDelayNs;
        _cluster.Network.JitterNs = scenario.JitterNs;
        _promises = new PromiseWatch(_acknowledged);
        _nemesis = new Nemesis(_cluster, scenario.Nodes) { Gone = OnGone, Going = LookNow, CutsOff = OnCutOff };
        _cluster.Network.Sent = (from, type, body) =>
        {
            _promises.OnSent(_cluster.World.NowNs, from, type, body);
            _nemesis.OnSent(from, type, body);
        };
        var random = new Prng(scenario.Seed ^ 0xC11E_4715);
        for (var i = 1; i <= scenario.Clients; i++) _clients.Add(new SimClient(_cluster, scenario, new ClientNotes(_cluster, _history, i) { Shown = OnShown }, random.Fork()) { Acknowledged = _nemesis.OnAnswered });
    }

    public static RunResult Of(ulong seed, int durationMs) => Of(Scenario.Draw(seed, durationMs));

    public static RunResult Of(Scenario scenario)
    {
        using var run = new SimulationRun(scenario);
        return run.Run();
    }

    public void Dispose() => _cluster.Dispose();

    private RunResult Run()
    {
        IReadOnlyList<ReplicaContent> replicas = [];
        try
        {
            Look();
            _nemesis.Plan(_scenario.Faults);
            foreach (var client in _clients) client.Start();
            _cluster.World.RunFor(_scenario.DurationMs * NsPerMs);
            foreach (var client in _clients) client.Stop();
            _nemesis.HealAll();
            replicas = Rest();
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            _violations.Add(new Violation("crash", failure.ToString()));
        }

        return Judged(_history.With(replicas, clocksAgree: !_scenario.Faults.Any(f => f.Kind is FaultKind.WallClock or FaultKind.Drift), _cluster.Starts));
    }

    /// <summary>Everybody must agree, and take writes again, within a while.</summary>
    private List<ReplicaContent> Rest()
    {
        var isAtRest = _cluster.World.RunUntil(() => _clients.All(c => c.IsIdle) && TakesRequests() && IsAtRest(), RestWithinNs);
        foreach (var stop in _nemesis.Stops) _violations.Add(new Violation("stop", stop));
        foreach (var refusal in _nemesis.Refusals) _violations.Add(new Violation("start", refusal));
        if (!isAtRest) _violations.Add(new Violation("rest", $"not at rest {RestWithinNs / NsPerMs} ms after all was healed:\n{Standing()}"));
        return isAtRest ? FinalState.Read(_cluster.Running, _nemesis.MayFindDamage) : [];
    }

    private readonly Dictionary<ushort, SimReply> _lastWrites = [];
    private readonly Dictionary<(int Node, ushort Partition, ReadConsistency Consistency), SimReply> _lastReads = [];
    private int _lastTries;

    /// <summary>A strong write to each partition, repeated until it is acknowledged; then reads of it at each node, repeated until they are answered.</summary>
    private bool TakesRequests()
    {
        if (_cluster.Running.Count() + _nemesis.Lost.Count < _scenario.Nodes) return false;
        var all = true;
        for (ushort partition = 0; partition < _scenario.Partitions; partition++)
        {
            var reply = _lastWrites.GetValueOrDefault(partition);
            var running = _cluster.Running.Select(n => (int)n.Self.Value).ToList();
            if (reply is { IsDone: true, Type: FrameType.WriteReply })
            {
                foreach (var node in running) all &= Answers(node, partition, ReadConsistency.Quorum) & Answers(node, partition, ReadConsistency.Local);
                continue;
            }

            all = false;
            if (reply is { IsDone: false }) continue;
            _lastTries++;
            _lastWrites[partition] = _cluster.Put(running[_lastTries % running.Count], KeyOf(partition), $"z.{_lastTries}", timeoutMs: 2_000);
        }

        return all;
    }

    /// <summary>Whether a node answers what was written last, or something as new; a local read with a bound that says so.</summary>
    private bool Answers(int node, ushort partition, ReadConsistency consistency)
    {
        var reply = _lastReads.GetValueOrDefault((node, partition, consistency));
        if (reply is { IsDone: false }) return false;
        if (reply is { Type: FrameType.GetReply } && GetReply.DecodeSingle(reply.Body) is var read && read.Found
            && (consistency == ReadConsistency.Quorum || read.StalenessMs <= MostStaleAtRestMs)) return true;

        // What only readers meet is not repaired.
        if (reply?.Error is { Code: KvError.Internal } && _cluster.Running.Any(n => _nemesis.MayFindDamage(n.Self.Value))) return true;
        _lastReads[(node, partition, consistency)] = _cluster.Get(node, KeyOf(partition), consistency);
        return false;
    }

    private string KeyOf(ushort partition)
    {
        for (var i = 0; ; i++)
            if (_cluster.PartitionOf($"{LastWritesPrefix}{i}").Value == partition) return $"{LastWritesPrefix}{i}";
    }

    private bool IsAtRest()
    {
        foreach (var replicas in Replicas().GroupBy(r => r.Replica.Id))
        {
            if (replicas.Any(r => r.Replica.Status.Halt is not null)) return false;
            var last = replicas.First().Replica.Raft.Log.LastIndex;
            if (replicas.Any(r => r.Replica.Raft.Log.LastIndex != last || r.Replica.Store.Applied.Index != last)) return false;
        }

        return true;
    }

    private IEnumerable<(KvNode Node, Partition Replica)> Replicas() => _cluster.Running.SelectMany(node => node.Replicas.Select(replica => (node, replica)));

    private string Standing() => string.Join('\n', Replicas().OrderBy(r => r.Replica.Id.Value).Select(r =>
    {
        var raft = r.Replica.Raft;
        var halt = r.Replica.Status.Halt is null ? "" : " halted";
        return $"partition {r.Replica.Id} {r.Node.Self}: {raft.Role} term {raft.Term} leader {raft.Leader} last {raft.Log.LastIndex} durable {raft.Durable} commit {raft.Commit} applied {raft.Applied}{halt}";
    })) + $"\n{_clients.Count(c => !c.IsIdle)} clients wait; last writes: {string.Join(", ", _lastWrites.Where(w => !w.Value.IsDone || w.Value.Error is not null).Select(w => $"{w.Key}: {w.Value}"))}; last reads: {string.Join(", ", _lastReads.Where(r => r.Value.Value is null).Select(r => $"{r.Key}: {r.Value}"))}";

    private void OnGone(int node)
    {
        foreach (var client in _clients) client.OnGone(node);
    }

    private void OnCutOff(int node, long untilNs)
    {
        foreach (var client in _clients) client.Gather(node, untilNs + GatherAfterNs);
    }

    private void OnShown(ObservedRead read)
    {
        var isShownTooEarly = read.IsQuorum && !read.Version.IsNone
            && !_raft.HasCommitted(_cluster.Running, new PartitionId(read.Partition), new LogIndex(read.Version.Index));
        if (isShownTooEarly) Note("uncommitted", $"what nobody has committed is read: {read}");
    }

    private void Look()
    {
        LookNow();
        _cluster.World.After(LookEveryNs, Look);
    }

    private void LookNow()
    {
        foreach (var problem in _raft.Look(_cluster.Running)) Note("raft", problem);
        foreach (var problem in _promises.Look(_cluster.Running)) Note("promises", problem);
        foreach (var node in _cluster.Running)
            if (node.Storage.Counters.Corruptions > 0 && !_nemesis.MayFindDamage(node.Self.Value)) Note("damage", $"{node.Self} has found damage, and nothing has damaged it");
    }

    private void Note(string check, string problem)
    {
        // One broken promise is broken at each look from then on.
        if (_violations.Count < 20) _violations.Add(new Violation(check, $"{_cluster.World.NowNs / NsPerMs} ms: {problem}"));
    }

    private RunResult Judged(ObservedHistory history)
    {
        var checks = (IHistoryCheck[])
            [new LinearizabilityCheck(), new DurabilityCheck(), new ConvergenceCheck(), new VersionOrderCheck(), new OutcomeCheck(), new StalenessCheck(), new AtomicityCheck(), new TimeToLiveCheck(), new PageCheck(), new ReplicaOrderCheck(), new AckedByCheck(_acknowledged)];
        foreach (var check in checks)
            foreach (var problem in check.Check(history).Take(3)) _violations.Add(new Violation(check.Name, problem));
        return new RunResult(
            _scenario, _violations, _cluster.World.Random.NextUInt64(), HashOf(history), _cluster.World.Steps,
            history.Writes.Count(w => w.IsApplied), history.Writes.Count(w => w.Outcome == Outcome.NotApplied),
            history.Writes.Count(w => w.Outcome == Outcome.Unknown), history.Reads.Count, CountBatches(history, w => w.IsApplied), CountBatches(history, w => w.Error == KvError.ConditionFailed),
            CountBatches(history, w => w is { IsApplied: true, IsStrong: false }), _history.GetsOfMany, history.Pages.Count(p => p.After.Length > 0), DurabilityCheck.CountCutFastWrites(history), _nemesis.Counts, _cluster.Timeline);
    }

    private static int CountBatches(ObservedHistory history, Func<ObservedWrite, bool> ended) =>
        history.Writes.Where(w => w.Batch is not null && ended(w)).GroupBy(w => w.Batch).Count(batch => batch.Count() > 1);

    private static ulong HashOf(ObservedHistory history)
    {
        var hash = new XxHash3();
        foreach (var write in history.Writes) hash.Append(Encoding.UTF8.GetBytes(write.ToString()));
        foreach (var read in history.Reads) hash.Append(Encoding.UTF8.GetBytes(read.ToString()));
        foreach (var replica in history.Replicas)
            foreach (var (key, record) in replica.Records) hash.Append(Encoding.UTF8.GetBytes($"{replica.Partition} {replica.Node} {replica.Applied} {key} {record}"));
        return hash.GetCurrentHashAsUInt64();
    }
}
