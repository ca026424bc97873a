using System.Globalization;
using System.Text;
using KvStore.Core.Primitives;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;
using KvStore.Tests.Simulation.Checkers;

namespace KvStore.Tests.Simulation.Runs;

/// <summary>Draws what a client asks: keys, values, conditions.</summary>
internal sealed class RequestDraw(Scenario scenario, ClientNotes notes, Prng random)
{
    private const int MostInBatch = 8;
    private const int MostInGet = 8;
    private const int MostInShortPage = 6;
    private const string Classes = "smt";
    private readonly byte[] _padding = Noise(scenario.ValueBytes, notes.Number);
    private int _asked;

    /// <summary>Keys by class: s is only written strongly, m is written either way, t expires.</summary>
    public string KeyFor(Operation operation)
    {
        var number = random.Next(scenario.Keys).ToString(CultureInfo.InvariantCulture);
        return operation switch
        {
            Operation.FastPut or Operation.FastDelete or Operation.FastBatchPut => "m" + number,
            Operation.PutForAWhile => "t" + number,
            _ => (random.Next(5) switch { 0 => "t", 1 => "m", _ => "s" }) + number,
        };
    }

    public ClientCall CallFor(Operation operation, string key)
    {
        var known = notes.Known(key);
        switch (operation)
        {
            case Operation.StrongPut or Operation.FastPut or Operation.PutIfAbsent or Operation.PutIfRevision or Operation.PutForAWhile:
                var condition = operation switch
                {
                    Operation.PutIfAbsent => WriteCondition.IfAbsent,
                    Operation.PutIfRevision when !known.IsNone => WriteCondition.IfRevision(known),
                    _ => WriteCondition.None,
                };
                return Write([Put(key, ModeOf(operation), condition, operation == Operation.PutForAWhile ? (ulong)random.Next(100, 20_000) : 0)]);
            case Operation.StrongDelete or Operation.FastDelete or Operation.DeleteIfRevision:
                var only = operation == Operation.DeleteIfRevision && !known.IsNone ? WriteCondition.IfRevision(known) : WriteCondition.None;
                return Write([Asked(key, null, ModeOf(operation), only, 0)]);
            case Operation.BatchPut or Operation.FastBatchPut:
                return Batch(ModeOf(operation), key);
            case Operation.QuorumScan or Operation.LocalScan:
                return Scan(operation == Operation.QuorumScan ? ReadConsistency.Quorum : ReadConsistency.Local, key[..1]);
            case Operation.QuorumGetOfMany:
                return Get(ReadConsistency.Quorum, [.. Several(key).Select(k => (k, WireRevision.None))]);
            case Operation.LocalGetOfMany:
                return Get(ReadConsistency.Local, [.. Several(key).Select(k => (k, random.Chance(1, 3) ? notes.Known(k) : WireRevision.None))]);
            default:
                var least = operation == Operation.LocalGetAtLeast ? known : WireRevision.None;
                return Get(operation == Operation.QuorumGet ? ReadConsistency.Quorum : ReadConsistency.Local, [(key, least)]);
        }
    }

    private static WriteMode ModeOf(Operation operation) =>
        operation is Operation.FastPut or Operation.FastDelete or Operation.FastBatchPut ? WriteMode.Fast : WriteMode.Strong;

    private WriteCall Write(IReadOnlyList<ObservedWrite> writes, bool isBatch = false)
    {
        using var body = new FrameBuffer();
        WriteRequest.Encode(body, writes[0].Mode, writes.Select(w => new WriteOperation(
            w.Value is null ? WriteKind.Delete : WriteKind.Put, Encoding.UTF8.GetBytes(w.Key), w.Value is null ? default(ReadOnlyMemory<byte>) : Padded(w.Value), w.TtlMs, w.Condition)).ToArray());
        return new WriteCall(notes, writes, isBatch) { Body = body.Written.ToArray() };
    }

    /// <summary>
    /// Keys of one partition: a node refuses others, of which a client makes several requests. Some strong batches demand that their last
    /// key be absent: the others are not written either, then.
    /// </summary>
    private WriteCall Batch(WriteMode mode, string key)
    {
        var first = random.Next(scenario.Keys);
        var all = Enumerable.Range(0, scenario.Keys)
            .SelectMany(i => (mode == WriteMode.Fast ? "m" : Classes).Select(c => string.Create(CultureInfo.InvariantCulture, $"{c}{(first + i) % scenario.Keys}"))).ToList();

        // Few keys may be written fast, and of some partitions only one.
        if (mode == WriteMode.Fast) key = all.GroupBy(notes.PartitionOf).FirstOrDefault(g => g.Count() > 1)?.First() ?? key;
        var keys = all.Where(k => k != key && notes.PartitionOf(k) == notes.PartitionOf(key)).Take(MostInBatch - 1).Prepend(key).ToList();
        var last = mode == WriteMode.Strong && random.Chance(1, 3) ? WriteCondition.IfAbsent : WriteCondition.None;
        return Write([.. keys.Select((k, i) => Put(k, mode, i == keys.Count - 1 ? last : WriteCondition.None, 0))], isBatch: true);
    }

    private GetCall Get(ReadConsistency consistency, IReadOnlyList<(string Key, WireRevision AtLeast)> keys)
    {
        using var body = new FrameBuffer();
        GetRequest.Encode(body, consistency, keys.Select(k => new GetKey(Encoding.UTF8.GetBytes(k.Key), k.AtLeast)).ToArray());
        return new GetCall(notes, keys, consistency) { Body = body.Written.ToArray() };
    }

    /// <summary>Wherever they lie, and some perhaps twice.</summary>
    private IEnumerable<string> Several(string key) =>
        Enumerable.Range(0, random.Next(1, MostInGet)).Select(_ => KeyFor(Operation.QuorumGet)).Prepend(key).ToList();

    /// <summary>Half of them in pages so short that there are several.</summary>
    private ScanCall Scan(ReadConsistency consistency, string prefix)
    {
        var limit = random.Chance(1, 2) ? 1_000u : (uint)random.Next(1, MostInShortPage + 1);
        return ScanCall.Of(notes, new ScanRequest { Consistency = consistency, Prefix = Encoding.UTF8.GetBytes(prefix), LimitRecords = limit, LimitBytes = 1 << 20 }, scenario.Keys);
    }

    private ObservedWrite Put(string key, WriteMode mode, WriteCondition condition, ulong ttlMs) => Asked(key, $"c{notes.Number}.{++_asked}", mode, condition, ttlMs);

    private ObservedWrite Asked(string key, string? value, WriteMode mode, WriteCondition condition, ulong ttlMs) => new()
    {
        Client = notes.Number,
        Key = key,
        Partition = notes.PartitionOf(key),
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
}
