using System.Globalization;
using System.Text;
using KvStore.Core.Primitives;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;
using KvStore.Tests.Simulation.Checkers;

namespace KvStore.Tests.Simulation.Stories;

/// <summary>
/// Clients, each with one request at a time to a node of its choice, and what they see. Keys are of three kinds by their first letter:
/// s is only written strongly, m also fast, e expires.
/// </summary>
internal sealed class StoryClients(SimCluster cluster, ulong seed, int clients, int nodes)
{
    private const long RequestTimeoutMs = 1_500;
    private const long NsPerMs = 1_000_000;
    private static readonly string[] Keys = ["s0", "s1", "s2", "s3", "m0", "m1", "m2", "e0", "e1"];

    private readonly Prng _random = new(seed);
    private readonly Turn?[] _turns = new Turn?[clients];
    private readonly List<ObservedWrite> _writes = [];
    private readonly List<ObservedRead> _reads = [];
    private readonly List<(string, KvError, Outcome)> _readErrors = [];
    private readonly Dictionary<string, WireRevision> _known = [];
    private int _values;

    /// <summary>One request under way. Of a write, <see cref="Write"/> is what is known before the answer; else it is a read of <see cref="Keys"/>.</summary>
    private sealed record Turn(SimReply Reply, ObservedWrite? Write, ObservedRead[] Reads);

    public bool AreIdle => Array.TrueForAll(_turns, turn => turn is null);

    public int Answered { get; private set; }

    public ObservedHistory History(IReadOnlyList<ReplicaContent> replicas) =>
        new() { Writes = _writes, Reads = _reads, ReadErrors = _readErrors, Replicas = replicas };

    /// <summary>Takes the answers that have come, gives up waiting for those that will not, and asks anew.</summary>
    public void Step(bool askMore)
    {
        for (var client = 0; client < clients; client++)
        {
            if (_turns[client] is { } turn)
            {
                var gaveUp = cluster.World.NowNs - (turn.Write?.InvokedNs ?? turn.Reads[0].InvokedNs) > 2 * RequestTimeoutMs * NsPerMs;
                if (!turn.Reply.IsDone && !gaveUp) continue;
                _turns[client] = null;
                Take(turn);
            }
            else if (askMore && _random.Chance(1, 3))
            {
                Ask(client);
            }
        }
    }

    private void Ask(int client)
    {
        var node = 1 + _random.Next(nodes);
        var key = Keys[_random.Next(Keys.Length)];
        var what = _random.Next(10);
        if (!cluster.IsRunning(node)) return;
        _turns[client] = what switch
        {
            < 4 => Write(client, node, key),
            < 7 => Read(client, node, key, ReadConsistency.Quorum),
            < 9 => Read(client, node, key, ReadConsistency.Local),
            _ => Scan(client, node, key[..1], _random.Chance(1, 2) ? ReadConsistency.Quorum : ReadConsistency.Local),
        };
    }

    private Turn Write(int client, int node, string key)
    {
        var known = _known.GetValueOrDefault(key);
        var isDelete = _random.Chance(1, 4);
        var mode = key[0] != 's' && _random.Chance(2, 3) ? WriteMode.Fast : WriteMode.Strong;
        var condition = mode == WriteMode.Fast ? WriteCondition.None : _random.Next(6) switch
        {
            0 when !isDelete => WriteCondition.IfAbsent,
            1 or 2 when !known.IsNone => WriteCondition.IfRevision(known),
            _ => WriteCondition.None,
        };
        var ttlMs = key[0] == 'e' && !isDelete ? (ulong)_random.Next(20, 3_000) : 0;
        var write = new ObservedWrite
        {
            Client = client,
            Key = key,
            Partition = cluster.PartitionOf(key).Value,
            Value = isDelete ? null : (++_values).ToString(CultureInfo.InvariantCulture).PadLeft(_random.Chance(1, 4) ? 3_000 : 1, '0'),
            Mode = mode,
            Condition = condition,
            Expires = ttlMs > 0,
            InvokedNs = cluster.World.NowNs,
            Outcome = Outcome.Unknown,
        };
        using var body = new FrameBuffer();
        WriteRequest.Encode(
            body, mode, isDelete ? WriteKind.Delete : WriteKind.Put, Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(write.Value ?? ""), ttlMs, condition);
        return new Turn(cluster.Send(node, FrameType.Write, body.Written.ToArray(), RequestTimeoutMs), write, []);
    }

    private Turn Read(int client, int node, string key, ReadConsistency consistency)
    {
        var atLeast = consistency == ReadConsistency.Local && _random.Chance(1, 3) ? _known.GetValueOrDefault(key) : WireRevision.None;
        using var body = new FrameBuffer();
        GetRequest.Encode(body, consistency, Encoding.UTF8.GetBytes(key), atLeast);
        var read = Asked(client, key, consistency) with { AtLeast = atLeast };
        return new Turn(cluster.Send(node, FrameType.Get, body.Written.ToArray(), RequestTimeoutMs), null, [read]);
    }

    private Turn Scan(int client, int node, string prefix, ReadConsistency consistency)
    {
        using var body = new FrameBuffer();
        new ScanRequest { Consistency = consistency, Prefix = Encoding.UTF8.GetBytes(prefix) }.Encode(body);
        var reads = Keys.Where(key => key.StartsWith(prefix, StringComparison.Ordinal)).Select(key => Asked(client, key, consistency) with { IsScan = true });
        return new Turn(cluster.Send(node, FrameType.Scan, body.Written.ToArray(), RequestTimeoutMs), null, [.. reads]);
    }

    private ObservedRead Asked(int client, string key, ReadConsistency consistency) => new()
    {
        Client = client,
        Key = key,
        Partition = cluster.PartitionOf(key).Value,
        Consistency = consistency,
        InvokedNs = cluster.World.NowNs,
        CompletedNs = long.MaxValue,
    };

    private void Take(Turn turn)
    {
        if (turn.Reply.IsDone) Answered++;
        if (turn.Write is { } write) _writes.Add(turn.Reply.IsDone ? Answer(write, turn.Reply) : write);
        else if (!turn.Reply.IsDone) return;
        else if (turn.Reply.Error is { } error) _readErrors.Add((turn.Reads[0].ToString(), error.Code, error.Outcome));
        else if (turn.Reply.Type == FrameType.GetReply) _reads.Add(Answer(turn.Reads[0], GetReply.DecodeSingle(turn.Reply.Body), turn.Reply));
        else _reads.AddRange(Answers(turn.Reads, ScanReply.Decode(turn.Reply.Body), turn.Reply));
    }

    private ObservedWrite Answer(ObservedWrite write, SimReply reply)
    {
        if (reply.Error is { } error)
        {
            return write with
            {
                CompletedNs = reply.AtNs,
                Outcome = error.Outcome,
                Error = error.Code,
                Revision = error.Code == KvError.ConditionFailed ? error.CurrentRevision ?? WireRevision.None : WireRevision.None,
            };
        }

        var written = reply.Written;
        _known[write.Key] = written.Revision;
        return write with
        {
            CompletedNs = reply.AtNs,
            Outcome = written.Outcome,
            Error = written.Error,
            Revision = written.Revision,
            Existed = written.Existed,
            Achieved = written.Achieved,
            Primary = written.Primary,
            AckedBy = written.AckedBy.ToArray(),
        };
    }

    private ObservedRead Answer(ObservedRead read, ReadResult result, SimReply reply)
    {
        if (!result.Revision.IsNone && _random.Chance(1, 2)) _known[read.Key] = result.Revision;
        return read with
        {
            CompletedNs = reply.AtNs,
            Achieved = result.Achieved,
            Value = result.Found ? Encoding.UTF8.GetString(result.Value.Span) : null,
            Revision = result.Revision,
            StalenessMs = result.StalenessMs,
            ServedBy = result.ServedBy,
        };
    }

    private static IEnumerable<ObservedRead> Answers(ObservedRead[] reads, ScanPage page, SimReply reply)
    {
        var found = page.Records.ToDictionary(record => Encoding.UTF8.GetString(record.Key.Span));
        foreach (var read in reads)
        {
            var isThere = found.TryGetValue(read.Key, out var record);
            yield return read with
            {
                CompletedNs = reply.AtNs,
                Achieved = page.Achieved,
                Value = isThere ? Encoding.UTF8.GetString(record.Value.Span) : null,
                Revision = isThere ? record.Revision : WireRevision.None,
                StalenessMs = page.StalenessMs,
            };
        }
    }
}
