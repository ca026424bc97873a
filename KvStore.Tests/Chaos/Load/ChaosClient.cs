using System.Collections.Concurrent;
using System.Text;
using KvStore.Core.Primitives;
using KvStore.Protocol.Client;
using KvStore.Protocol.Messages;
using KvStore.Tests.Chaos.Nodes;
using KvStore.Tests.Simulation.Checkers;
using KvStore.Tests.Simulation.Runs;

namespace KvStore.Tests.Chaos.Load;

/// <summary>
/// A client that asks, waits for the answer, pauses and asks again, through <see cref="KvClient"/>; a hasty one asks again without waiting, and
/// has little patience: who waits has nothing under way while leadership changes but what hangs. Its choices follow from its stream of
/// randomness.
/// </summary>
internal sealed class ChaosClient(int number, bool isHasty, KvClient client, KeySpace keys, ChaosHistory history, ChaosJournal journal, Prng random)
{
    private const int MostUnderWay = 50;
    private static readonly Operation[] Operations = Enum.GetValues<Operation>();
    private readonly ConcurrentDictionary<string, WireRevision> _known = [];
    private int _asked;

    /// <summary>Until <paramref name="stop"/>; what has been asked then is waited for.</summary>
    /// <param name="thinkMs">Between an answer and the next request.</param>
    public async Task RunAsync(int thinkMs, CancellationToken stop)
    {
        using var pause = new PeriodicTimer(TimeSpan.FromMilliseconds(thinkMs));
        var underWay = new List<Task>();
        try
        {
            while (await pause.WaitForNextTickAsync(stop))
            {
                if (!isHasty)
                {
                    await AskAsync();
                    continue;
                }

                underWay.RemoveAll(asked => asked.IsCompletedSuccessfully);
                if (underWay.Count < MostUnderWay) underWay.Add(AskAsync());
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            await Task.WhenAll(underWay);
        }
        catch (Exception failure) when (failure is not KvException)
        {
            journal.Problem("clients", $"client {number}: {failure}");
        }
    }

    private Task AskAsync()
    {
        // What everybody must agree on is asked most.
        var operation = random.Next(10) switch
        {
            < 2 => Operation.StrongPut,
            < 5 => Operation.QuorumGet,

            // A scan meets every partition, and what it reads counts for each key.
            _ when isHasty => random.Chance(1, 2) ? Operation.QuorumGet : Operation.LocalGet,
            _ => Operations[random.Next(Operations.Length)],
        };
        var timeout = TimeSpan.FromMilliseconds(isHasty ? random.Next(50, 500) : random.Chance(1, 10) ? random.Next(5, 200) : random.Next(500, 5_000));
        var key = keys.Draw(operation, random);
        return operation switch
        {
            Operation.QuorumGet or Operation.LocalGet or Operation.LocalGetAtLeast => GetAsync(operation, key, timeout),
            Operation.QuorumScan or Operation.LocalScan => ScanAsync(operation, keys.DrawPrefix(random), timeout),
            Operation.QuorumGetOfMany or Operation.LocalGetOfMany => GetManyAsync(operation, key, timeout),
            Operation.BatchPut or Operation.FastBatchPut => BatchAsync(operation, key, timeout),
            _ => WriteAsync(operation, key, timeout),
        };
    }

    /// <summary>What shares a partition takes effect as a whole or not at all, for which some batches demand that their last key be absent.</summary>
    private async Task BatchAsync(Operation operation, string key, TimeSpan timeout)
    {
        var mode = operation == Operation.FastBatchPut ? WriteMode.Fast : WriteMode.Strong;
        var names = Enumerable.Range(0, 4).Select(_ => keys.Draw(operation, random)).Prepend(key).Distinct().ToList();
        var last = mode == WriteMode.Strong && random.Chance(1, 3) ? WriteCondition.IfAbsent : WriteCondition.None;
        var invokedNs = journal.NowNs;
        var writes = names.Select((name, i) => new ObservedWrite
        {
            Client = number,
            Key = name,
            Partition = ChaosHistory.PartitionOf(name),
            Value = $"c{number}.{++_asked}",
            Mode = mode,
            Condition = i == names.Count - 1 ? last : WriteCondition.None,
            Batch = $"{number} {invokedNs}",
            Outcome = Outcome.Unknown,
            InvokedNs = invokedNs,
        }).ToList();
        var operations = writes.Select(w => new WriteOperation(WriteKind.Put, Encoding.UTF8.GetBytes(w.Key), Valued(w.Value!), Condition: w.Condition)).ToArray();
        try
        {
            var results = await client.BatchAsync(operations, new WriteOptions(mode, Timeout: timeout), perPartition: true);
            foreach (var (write, result) in writes.Zip(results)) Add(ChaosHistory.Ended(write, result, journal.NowNs));
        }
        catch (KvException failure)
        {
            foreach (var write in writes) Add(ChaosHistory.Ended(write, failure, journal.NowNs));
        }
    }

    /// <summary>Who asks so often must not fill slow links by itself.</summary>
    private byte[] Valued(string value) => isHasty ? TaggedValue.Of(value, []) : keys.Padded(value, random);

    private void Add(ObservedWrite write)
    {
        Learn(write.Key, write.Revision);
        history.Add(write);
    }

    private async Task WriteAsync(Operation operation, string key, TimeSpan timeout)
    {
        var known = _known.GetValueOrDefault(key);
        var isDelete = operation is Operation.StrongDelete or Operation.FastDelete or Operation.DeleteIfRevision;
        var write = new ObservedWrite
        {
            Client = number,
            Key = key,
            Partition = ChaosHistory.PartitionOf(key),
            Value = isDelete ? null : $"c{number}.{++_asked}",
            Mode = operation is Operation.FastPut or Operation.FastDelete ? WriteMode.Fast : WriteMode.Strong,
            Condition = operation switch
            {
                Operation.PutIfAbsent => WriteCondition.IfAbsent,
                Operation.PutIfRevision or Operation.DeleteIfRevision when !known.IsNone => WriteCondition.IfRevision(known),
                _ => WriteCondition.None,
            },
            TtlMs = operation == Operation.PutForAWhile ? (ulong)random.Next(100, 20_000) : 0,
            Outcome = Outcome.Unknown,
            InvokedNs = journal.NowNs,
        };
        var options = new WriteOptions(write.Mode, write.TtlMs, write.Condition, Timeout: timeout);
        var name = Encoding.UTF8.GetBytes(key);
        try
        {
            var result = write.Value is { } value
                ? await client.PutAsync(name, Valued(value), options)
                : await client.DeleteAsync(name, options);
            write = ChaosHistory.Ended(write, result, journal.NowNs);
        }
        catch (KvException failure)
        {
            write = ChaosHistory.Ended(write, failure, journal.NowNs);
        }

        Add(write);
    }

    private async Task GetAsync(Operation operation, string key, TimeSpan timeout)
    {
        var least = operation == Operation.LocalGetAtLeast ? _known.GetValueOrDefault(key) : WireRevision.None;
        var consistency = operation == Operation.QuorumGet ? ReadConsistency.Quorum : ReadConsistency.Local;
        var invokedNs = journal.NowNs;
        try
        {
            var result = await client.GetAsync(Encoding.UTF8.GetBytes(key), new ReadOptions(consistency, least, timeout));
            Learn(key, result.Revision);
            history.Add(ChaosHistory.Answered(number, key, consistency, result, invokedNs, journal.NowNs) with { AtLeast = least });
        }
        catch (KvException failure)
        {
            history.AddReadError($"client {number} get {key}", failure.Code, failure.Outcome);
        }
    }

    private async Task GetManyAsync(Operation operation, string key, TimeSpan timeout)
    {
        var consistency = operation == Operation.QuorumGetOfMany ? ReadConsistency.Quorum : ReadConsistency.Local;
        var names = Enumerable.Range(0, 4).Select(_ => keys.Draw(operation, random)).Prepend(key).ToList();
        var invokedNs = journal.NowNs;
        var results = await client.GetManyAsync([.. names.Select(name => (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes(name))], new ReadOptions(consistency, Timeout: timeout));
        foreach (var (name, result) in names.Zip(results))
        {
            if (result.Error == KvError.None) history.Add(ChaosHistory.Answered(number, name, consistency, result, invokedNs, journal.NowNs));
            else history.AddReadError($"client {number} get {name}", result.Error, Outcome.None);
        }
    }

    /// <summary>A page is a read of every key that it covers, those that are not in it included.</summary>
    private async Task ScanAsync(Operation operation, string prefix, TimeSpan timeout)
    {
        var consistency = operation == Operation.QuorumScan ? ReadConsistency.Quorum : ReadConsistency.Local;
        var request = new ScanRequest { Consistency = consistency, Prefix = Encoding.UTF8.GetBytes(prefix), LimitBytes = 4 << 20 };
        var invokedNs = journal.NowNs;
        try
        {
            var page = await client.ScanPageAsync(request, timeout);
            var found = page.Records.ToDictionary(r => Encoding.UTF8.GetString(r.Key.Span));
            var last = page.More && page.Records.Count > 0 ? Encoding.UTF8.GetString(page.Records[^1].Key.Span) : null;
            for (var i = 0; i < KeySpace.KeysPerClass; i++)
            {
                var key = $"{prefix}{i}";
                if (last is not null && string.CompareOrdinal(key, last) > 0) continue;
                var isThere = found.TryGetValue(key, out var record);
                history.Add(new ObservedRead
                {
                    Client = number,
                    Key = key,
                    Partition = ChaosHistory.PartitionOf(key),
                    Consistency = consistency,
                    Achieved = page.Achieved,
                    InvokedNs = invokedNs,
                    CompletedNs = journal.NowNs,
                    Value = isThere ? TaggedValue.WordOf(record.Value.Span) : null,
                    Revision = isThere ? record.Revision : WireRevision.None,
                    StalenessMs = page.StalenessMs,
                    IsScan = true,
                });
            }
        }
        catch (KvException failure)
        {
            history.AddReadError($"client {number} scan {prefix}", failure.Code, failure.Outcome);
        }
    }

    private void Learn(string key, WireRevision revision)
    {
        if (!revision.IsNone) _known[key] = revision;
    }
}
