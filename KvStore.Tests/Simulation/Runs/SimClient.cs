using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using KvStore.Core.Node;
using KvStore.Core.Primitives;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;
using KvStore.Tests.Simulation.Checkers;

namespace KvStore.Tests.Simulation.Runs;

/// <summary>
/// One client: asks, waits for the answer or gives up, thinks, asks again. Reaches every node that is up. Its choices come from a stream of
/// its own.
/// </summary>
internal sealed class SimClient(SimCluster cluster, Scenario scenario, SeenHistory history, int number, Prng random)
{
    private const long NsPerMs = 1_000_000;
    private const long PatienceNs = 500 * NsPerMs;
    private const int GatheringThinkMs = 10;
    private const int MostInBatch = 8;
    private const string Classes = "smt";
    private static readonly ImmutableArray<Operation> AtTheCut = [Operation.FastPut, Operation.FastPut, Operation.LocalGet, Operation.LocalGet, Operation.QuorumGet];
    private readonly Dictionary<string, WireRevision> _known = [];
    private readonly byte[] _padding = Noise(scenario.ValueBytes, number);
    private int _gatherAt;
    private long _gatherUntilNs;
    private Call? _call;
    private int _asked;
    private bool _stopped;

    public bool IsIdle => _call is null;

    /// <summary>One in three does not wait: what is asked while leadership changes would else be what a few clients had under way.</summary>
    private bool IsHasty => number % 3 == 0;

    /// <summary>Told of the node that has acknowledged a write.</summary>
    public Action<int>? Acknowledged { get; init; }

    /// <summary>Told of what a read has returned, at that moment.</summary>
    public Action<ObservedRead>? Shown { get; init; }

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
    /// does not know that others write elsewhere. Scenarios without fast writes do without this.
    /// </summary>
    public void Gather(int node, long untilNs)
    {
        if (IsHasty && scenario.Operations.Contains(Operation.FastPut)) (_gatherAt, _gatherUntilNs) = (node, untilNs);
    }

    private bool IsGathering => cluster.World.NowNs < _gatherUntilNs;

    private void Think() => cluster.World.After((random.Next(2 * (IsGathering ? GatheringThinkMs : scenario.ThinkMs) * 1_000) + 50) * 1_000L, Ask);

    private void Ask()
    {
        if (_stopped) return;
        var operations = IsGathering ? AtTheCut : scenario.Operations;
        var operation = operations[random.Next(operations.Length)];
        var node = IsGathering ? _gatherAt : 1 + random.Next(scenario.Nodes);
        var key = KeyFor(IsGathering ? Operation.FastPut : operation);
        var timeoutMs = IsHasty ? random.Next(10, 300) : random.Chance(1, 10) ? random.Next(1, 200) : random.Next(500, 5_000);
        using var body = new FrameBuffer();
        var call = Encode(operation, key, body);
        if (!cluster.IsUp(node))
        {
            Think();
            return;
        }

        call.Node = node;
        call.InvokedNs = cluster.World.NowNs;
        _call = call;
        var (bytes, target, deadline) = (body.Written.ToArray(), cluster[node], cluster.World.NowNs + (timeoutMs * NsPerMs));
        cluster.SchedulerOf(node).Deliver(() => target.Coordinator.Submit(new ClientRequest
        {
            Type = call.Type,
            Id = 1,
            DeadlineNs = cluster.ClockOf(node).BootTimeNs + (timeoutMs * NsPerMs),
            Body = bytes,
            Sink = call,
        }));
        cluster.World.At(deadline + PatienceNs, () => End(call, null));
    }

    /// <summary>Keys by class: s is only written strongly, m is written either way, t expires.</summary>
    private string KeyFor(Operation operation)
    {
        var number = random.Next(scenario.Keys).ToString(CultureInfo.InvariantCulture);
        return operation switch
        {
            Operation.FastPut or Operation.FastDelete => "m" + number,
            Operation.PutForAWhile => "t" + number,
            _ => (random.Next(5) switch { 0 => "t", 1 => "m", _ => "s" }) + number,
        };
    }

    private Call Encode(Operation operation, string key, FrameBuffer body)
    {
        var name = Encoding.UTF8.GetBytes(key);
        var known = _known.GetValueOrDefault(key);
        var mode = operation is Operation.FastPut or Operation.FastDelete ? WriteMode.Fast : WriteMode.Strong;
        switch (operation)
        {
            case Operation.StrongPut or Operation.FastPut or Operation.PutIfAbsent or Operation.PutIfRevision or Operation.PutForAWhile:
                var condition = operation switch
                {
                    Operation.PutIfAbsent => WriteCondition.IfAbsent,
                    Operation.PutIfRevision when !known.IsNone => WriteCondition.IfRevision(known),
                    _ => WriteCondition.None,
                };
                var value = $"c{number}.{++_asked}";
                var ttlMs = operation == Operation.PutForAWhile ? (ulong)random.Next(100, 20_000) : 0;
                WriteRequest.Encode(body, mode, WriteKind.Put, name, Padded(value), ttlMs, condition);
                return new WriteCall(this, key, value, mode, condition, ttlMs);
            case Operation.BatchPut:
                return EncodeBatch(key, body);
            case Operation.StrongDelete or Operation.FastDelete or Operation.DeleteIfRevision:
                var only = operation == Operation.DeleteIfRevision && !known.IsNone ? WriteCondition.IfRevision(known) : WriteCondition.None;
                WriteRequest.Encode(body, mode, WriteKind.Delete, name, default, condition: only);
                return new WriteCall(this, key, null, mode, only, 0);
            case Operation.QuorumScan or Operation.LocalScan:
                var consistency = operation == Operation.QuorumScan ? ReadConsistency.Quorum : ReadConsistency.Local;
                new ScanRequest { Consistency = consistency, Prefix = name.AsMemory(0, 1), LimitRecords = 1_000, LimitBytes = 1 << 20 }.Encode(body);
                return new ScanCall(this, key[..1], consistency);
            default:
                var least = operation == Operation.LocalGetAtLeast ? known : WireRevision.None;
                var wanted = operation == Operation.QuorumGet ? ReadConsistency.Quorum : ReadConsistency.Local;
                GetRequest.Encode(body, wanted, name, least);
                return new GetCall(this, key, wanted, least);
        }
    }

    /// <summary>
    /// Keys of one partition: a node refuses others, of which a client makes several requests. Some batches demand that their last key be
    /// absent: the others are not written either, then.
    /// </summary>
    private BatchCall EncodeBatch(string key, FrameBuffer body)
    {
        var first = random.Next(scenario.Keys);
        var all = Enumerable.Range(0, scenario.Keys).SelectMany(i => Classes.Select(c => string.Create(CultureInfo.InvariantCulture, $"{c}{(first + i) % scenario.Keys}")));
        var keys = all.Where(k => k != key && PartitionOf(k) == PartitionOf(key)).Take(MostInBatch - 1).Prepend(key).ToList();
        var last = random.Chance(1, 3) ? WriteCondition.IfAbsent : WriteCondition.None;
        var writes = keys.Select((k, i) => Asked(k, $"c{number}.{++_asked}", WriteMode.Strong, i == keys.Count - 1 ? last : WriteCondition.None, 0)).ToList();
        var operations = writes.Select(w => new WriteOperation(WriteKind.Put, Encoding.UTF8.GetBytes(w.Key), Padded(w.Value!), Condition: w.Condition)).ToArray();
        WriteRequest.Encode(body, WriteMode.Strong, operations);
        return new BatchCall(this, writes);
    }

    private ObservedWrite Asked(string key, string? value, WriteMode mode, WriteCondition condition, ulong ttlMs) => new()
    {
        Client = number,
        Key = key,
        Partition = PartitionOf(key),
        Value = value,
        Mode = mode,
        Condition = condition,
        TtlMs = ttlMs,
        InvokedNs = 0,
        Outcome = Outcome.Unknown,
    };

    private byte[] Padded(string value) => TaggedValue.Of(value, random.Chance(1, 2) ? [] : _padding.AsSpan(0, random.Next(_padding.Length)));

    private static byte[] Noise(int bytes, int seed)
    {
        var (noise, source) = (new byte[bytes], new Prng((ulong)seed));
        for (var i = 0; i < bytes; i++) noise[i] = (byte)source.Next(256);
        return noise;
    }

    private ushort PartitionOf(string key) => cluster.PartitionOf(key).Value;

    private void Learn(string key, WireRevision revision)
    {
        if (!revision.IsNone) _known[key] = revision;
    }

    private void End(Call call, (FrameType Type, byte[] Body)? reply)
    {
        if (_call != call) return;
        _call = null;
        call.Record(reply, cluster.World.NowNs);
        if (reply is { Type: FrameType.WriteReply }) Acknowledged?.Invoke(call.Node);
        Think();
    }

    /// <summary>A request on its way.</summary>
    private abstract class Call(SimClient client) : IReplySink
    {
        private bool _isAnswered;

        protected SimClient Client { get; } = client;

        public abstract FrameType Type { get; }

        public int Node { get; set; }

        public long InvokedNs { get; set; }

        public void Reply(ulong requestId, FrameType type, ReadOnlySpan<byte> body)
        {
            Invariant.Check(!_isAnswered); // two replies to one request
            _isAnswered = true;
            Client.End(this, (type, body.ToArray()));
        }

        /// <param name="reply">Null: none came.</param>
        public abstract void Record((FrameType Type, byte[] Body)? reply, long nowNs);

        protected void RecordReadError(byte[] body)
        {
            var error = ErrorReply.Decode(body);
            Client.History.ReadErrors.Add(($"client {Client.Number}: {error.Code.Name()} {error.Message}", error.Code, error.Outcome));
        }
    }

    private SeenHistory History => history;

    private int Number => number;

    private void Add(ObservedRead read)
    {
        history.Reads.Add(read);
        Shown?.Invoke(read);
    }

    private void Add(ObservedWrite write)
    {
        if (write.Outcome == Outcome.Applied || write.Error == KvError.ConditionFailed) Learn(write.Key, write.Revision);
        history.Writes.Add(write);
    }

    private sealed class WriteCall(SimClient client, string key, string? value, WriteMode mode, WriteCondition condition, ulong ttlMs) : Call(client)
    {
        public override FrameType Type => FrameType.Write;

        public override void Record((FrameType Type, byte[] Body)? reply, long nowNs)
        {
            var write = Client.Asked(key, value, mode, condition, ttlMs) with { InvokedNs = InvokedNs };
            Client.Add(reply switch
            {
                null => write,
                { Type: FrameType.Error } error => Answered(write, ErrorReply.Decode(error.Body), nowNs),
                { } answer => Answered(write, WriteReply.DecodeSingle(answer.Body), nowNs),
            });
        }
    }

    private sealed class BatchCall(SimClient client, List<ObservedWrite> writes) : Call(client)
    {
        public override FrameType Type => FrameType.Write;

        public override void Record((FrameType Type, byte[] Body)? reply, long nowNs)
        {
            var results = reply is { Type: FrameType.WriteReply } answer ? WriteReply.Decode(answer.Body) : [];
            var error = reply is { Type: FrameType.Error } failed ? ErrorReply.Decode(failed.Body) : (ErrorReply?)null;
            for (var i = 0; i < writes.Count; i++)
            {
                var write = writes[i] with { InvokedNs = InvokedNs, Batch = $"{Client.Number} {InvokedNs}" };
                // The revision that an error names is that of the record which the condition did not hold of.
                Client.Add(error is { } all ? Answered(write, write.Condition.Kind == ConditionKind.None ? all with { CurrentRevision = null } : all, nowNs)
                    : i < results.Length ? Answered(write, results[i], nowNs) : write);
            }
        }
    }

    private static ObservedWrite Answered(ObservedWrite write, in ErrorReply error, long nowNs) => write with
    {
        CompletedNs = nowNs,
        Outcome = error.Outcome,
        Error = error.Code,
        Revision = error.CurrentRevision ?? WireRevision.None,
    };

    private static ObservedWrite Answered(ObservedWrite write, in WriteResult result, long nowNs) => write with
    {
        CompletedNs = nowNs,
        Outcome = result.Outcome,
        Error = result.Error,
        Revision = result.Revision,
        Existed = result.Existed,
        Achieved = result.Achieved,
        Primary = result.Primary,
        AckedBy = result.AckedBy.ToArray(),
    };

    private sealed class GetCall(SimClient client, string key, ReadConsistency consistency, WireRevision atLeast) : Call(client)
    {
        public override FrameType Type => FrameType.Get;

        public override void Record((FrameType Type, byte[] Body)? reply, long nowNs)
        {
            if (reply is not { } answer) return;
            if (answer.Type == FrameType.Error)
            {
                RecordReadError(answer.Body);
                return;
            }

            var result = GetReply.DecodeSingle(answer.Body);
            Client.Learn(key, result.Revision);
            Client.Add(new ObservedRead
            {
                Client = Client.Number,
                Key = key,
                Partition = Client.PartitionOf(key),
                Consistency = consistency,
                Achieved = result.Achieved,
                InvokedNs = InvokedNs,
                CompletedNs = nowNs,
                Value = result.Found ? TaggedValue.WordOf(result.Value.Span) : null,
                Revision = result.Revision,
                StalenessMs = result.StalenessMs,
                AtLeast = atLeast,
                ServedBy = result.ServedBy,
            });
        }
    }

    private sealed class ScanCall(SimClient client, string prefix, ReadConsistency consistency) : Call(client)
    {
        public override FrameType Type => FrameType.Scan;

        public override void Record((FrameType Type, byte[] Body)? reply, long nowNs)
        {
            if (reply is not { } answer) return;
            if (answer.Type == FrameType.Error)
            {
                RecordReadError(answer.Body);
                return;
            }

            Client.RecordPage(ScanReply.Decode(answer.Body), prefix, consistency, InvokedNs, nowNs);
        }
    }

    /// <summary>A page is a read of every key that it covers, those that are not in it included.</summary>
    private void RecordPage(ScanPage page, string prefix, ReadConsistency consistency, long invokedNs, long nowNs)
    {
        var found = page.Records.ToDictionary(r => Encoding.UTF8.GetString(r.Key.Span));
        var last = page.Records.Count > 0 && page.More ? Encoding.UTF8.GetString(page.Records[^1].Key.Span) : null;
        for (var i = 0; i < scenario.Keys; i++)
        {
            var key = $"{prefix}{i}";
            if (last is not null && string.CompareOrdinal(key, last) > 0) continue;
            var isThere = found.TryGetValue(key, out var record);
            Add(new ObservedRead
            {
                Client = number,
                Key = key,
                Partition = PartitionOf(key),
                Consistency = consistency,
                Achieved = page.Achieved,
                InvokedNs = invokedNs,
                CompletedNs = nowNs,
                Value = isThere ? TaggedValue.WordOf(record.Value.Span) : null,
                Revision = isThere ? record.Revision : WireRevision.None,
                StalenessMs = page.StalenessMs,
                IsScan = true,
            });
        }
    }
}
