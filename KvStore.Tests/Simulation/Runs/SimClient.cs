using System.Collections.Immutable;
using KvStore.Core.Node;
using KvStore.Core.Primitives;
using KvStore.Protocol.Wire;

namespace KvStore.Tests.Simulation.Runs;

/// <summary>
/// One client: asks, waits for the answer or gives up, thinks, asks again. Reaches every node that is up. Its choices come from a stream of
/// its own.
/// </summary>
internal sealed class SimClient(SimCluster cluster, Scenario scenario, ClientNotes notes, Prng random)
{
    private const long NsPerMs = 1_000_000;
    private const long PatienceNs = 500 * NsPerMs;
    private const int GatheringThinkMs = 10;
    private readonly ImmutableArray<Operation> _atTheCut = scenario.Operations.Contains(Operation.FastPut)
        ? [Operation.FastPut, Operation.FastPut, Operation.FastBatchPut, Operation.LocalGet, Operation.LocalGet, Operation.QuorumGet]
        : [Operation.LocalGet, Operation.QuorumGet, Operation.QuorumGet];

    private readonly RequestDraw _requests = new(scenario, notes, random);
    private int _gatherAt;
    private long _gatherUntilNs;
    private ClientCall? _call;
    private ClientCall? _next;
    private bool _stopped;

    public bool IsIdle => _call is null;

    /// <summary>One in three does not wait: what is asked while leadership changes would else be what a few clients had under way.</summary>
    private bool IsHasty => notes.Number % 3 == 0;

    /// <summary>Told of the node that has acknowledged a write.</summary>
    public Action<int>? Acknowledged { get; init; }

    public void Start() => Think();

    /// <summary>Asks no more; what it has asked it waits for.</summary>
    public void Stop() => _stopped = true;

    /// <summary>The connection to a node has broken.</summary>
    public void OnGone(int node)
    {
        if (_call is { } call && call.Node == node) End(call, null);
    }

    /// <summary>
    /// Those that do not wait turn to a node that is being cut off: for a while it acknowledges fast writes that a new leader will cut, and
    /// does not know that others write elsewhere. In scenarios without fast writes they only read there.
    /// </summary>
    public void Gather(int node, long untilNs)
    {
        if (IsHasty) (_gatherAt, _gatherUntilNs) = (node, untilNs);
    }

    private bool IsGathering => cluster.World.NowNs < _gatherUntilNs;

    private void Think() => cluster.World.After((random.Next(2 * (IsGathering ? GatheringThinkMs : scenario.ThinkMs) * 1_000) + 50) * 1_000L, Ask);

    private void Ask()
    {
        if (_stopped) return;
        var operations = IsGathering ? _atTheCut : scenario.Operations;
        var operation = operations[random.Next(operations.Length)];
        var node = IsGathering ? _gatherAt : 1 + random.Next(scenario.Nodes);

        // What was written fast at the cut is looked for there; what strong writes elsewhere have replaced, too.
        var key = _requests.KeyFor(IsGathering && operation == Operation.LocalGet ? Operation.FastPut : operation);
        var timeoutMs = IsHasty ? random.Next(10, 300) : random.Chance(1, 10) ? random.Next(1, 200) : random.Next(500, 5_000);
        var call = _next ?? _requests.CallFor(operation, key);
        if (!cluster.IsUp(node))
        {
            Think();
            return;
        }

        call.Node = node;
        call.InvokedNs = cluster.World.NowNs;
        call.Answered = reply => End(call, reply);
        (_call, _next) = (call, null);
        var (target, deadline) = (cluster[node], cluster.World.NowNs + (timeoutMs * NsPerMs));
        cluster.SchedulerOf(node).Deliver(() => target.Coordinator.Submit(new ClientRequest
        {
            Type = call.Type,
            Id = 1,
            DeadlineNs = cluster.ClockOf(node).BootTimeNs + (timeoutMs * NsPerMs),
            Body = call.Body,
            Sink = call,
        }));
        cluster.World.At(deadline + PatienceNs, () => End(call, null));
    }

    private void End(ClientCall call, (FrameType Type, byte[] Body)? reply)
    {
        if (_call != call) return;
        _call = null;
        call.Record(reply, cluster.World.NowNs);
        _next = call.Next;
        if (reply is { Type: FrameType.WriteReply }) Acknowledged?.Invoke(call.Node);
        Think();
    }
}
