using KvStore.Core.Primitives;
using KvStore.Protocol.Client;
using KvStore.Protocol.Messages;
using KvStore.Tests.Chaos.Load;
using KvStore.Tests.Chaos.Nodes;
using KvStore.Tests.Simulation.Checkers;
using KvStore.Tests.Simulation.Runs;

namespace KvStore.Tests.Chaos.Runs;

/// <summary>
/// One run inside a sandbox: a cluster of real processes, clients and faults for a while; then everything is healed, the replicas must come to
/// rest and be equal, and the checkers of the simulation judge what was seen.
/// </summary>
internal sealed class ChaosRun : IAsyncDisposable
{
    private const int Routed = 6;
    private const int InSession = 2;
    private const int ThinkMs = 10;
    private const int KvctlThinkMs = 150;
    private const int HastyPauseMs = 25;
    private const int MostToldOfEach = 3;
    private const ulong MostStaleAtRestMs = 1_000;
    private static readonly TimeSpan RestWithin = TimeSpan.FromSeconds(90);
    private static readonly TimeSpan FreshWithin = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan RestingPatience = TimeSpan.FromSeconds(10);

    /// <summary>Where what is worth reading afterwards is written.</summary>
    private readonly string _directory;
    private readonly ChaosOptions _options;
    private readonly StreamWriter _journalFile;
    private readonly ChaosJournal _journal;
    private readonly ChaosCluster _cluster;
    private readonly Prng _random;
    private readonly ChaosHistory _history = new();
    private readonly List<KvClient> _clients = [];

    private ChaosRun(ChaosOptions options, string directory, TextWriter output)
    {
        _options = options;
        _directory = directory;
        Directory.CreateDirectory(Path.Combine(directory, "logs"));
        _journalFile = new StreamWriter(Path.Combine(directory, "logs", "journal.txt"));
        _journal = new ChaosJournal(output, _journalFile);
        _random = new Prng(options.Seed);
        var nodes = _random.Chance(2, 3) ? 3 : 5;
        _cluster = new ChaosCluster(options.Nodes == 0 ? nodes : options.Nodes, directory, _random.Fork(), _journal);
    }

    /// <param name="stop">Ends the run early; what was seen until then is judged.</param>
    public static async Task<ChaosReport> RunAsync(ChaosOptions options, string directory, TextWriter output, CancellationToken stop)
    {
        await using var run = new ChaosRun(options, directory, output);
        return await run.RunAsync(stop);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var client in _clients) await client.DisposeAsync();
        _cluster.Dispose();
        await _journalFile.DisposeAsync();
    }

    private async Task<ChaosReport> RunAsync(CancellationToken stop)
    {
        _cluster.Form();
        _journal.Say($"{_cluster.Nodes.Count} nodes are a cluster");
        var operatorClient = await ConnectAsync(_cluster.Endpoints, session: false);
        var availability = new Availability(ChaosCluster.Partitions, _journal.NowNs);
        using var endOfLoad = new CancellationTokenSource();
        var load = await StartLoadAsync(availability, endOfLoad.Token);
        var nemesis = new ChaosNemesis(_cluster, new ChaosPlan(_options.Faults, _options.InOrder, _cluster.Nodes.Count, _random.Fork()), operatorClient, availability, _journal);
        await Task.Factory.StartNew(() => nemesis.Run(_options.Seconds * 1_000_000_000L, stop), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        await endOfLoad.CancelAsync();
        await Task.WhenAll(load);
        var seconds = _journal.NowNs / 1e9;
        _journal.Say($"all is healed, {_history.Operations} answers to judge");
        var contents = await ContentsAsync(operatorClient);
        await LastReadsAsync(operatorClient);
        var history = _history.With(contents);
        return Judge(history, FaultFigures.Of(nemesis.Spans, availability.GapsUntil(nemesis.EndNs)), seconds);
    }

    private async Task<Task[]> StartLoadAsync(Availability availability, CancellationToken stop)
    {
        var keys = new KeySpace(_journal, _options.Seed);
        var loops = new List<Task> { new StrongProbe(await ConnectAsync(_cluster.Endpoints, session: false), availability, _journal).RunAsync(stop) };
        var routed = await ConnectAsync(_cluster.Endpoints, session: false);
        var session = await ConnectAsync(_cluster.Endpoints, session: true);
        var clients = Enumerable.Repeat(routed, Routed).Concat(Enumerable.Repeat(session, InSession)).ToList();
        foreach (var endpoint in _cluster.Endpoints) clients.Add(await ConnectAsync([endpoint], session: false, coordinatorOnly: true));
        for (var i = 0; i < clients.Count; i++)
            loops.Add(new ChaosClient(i + 1, false, clients[i], keys, _history, _journal, _random.Fork()).RunAsync(ThinkMs, stop));
        List<KvClient> hasty = [routed, .. clients[(Routed + InSession)..]];
        for (var i = 0; i < hasty.Count; i++)
            loops.Add(new ChaosClient(clients.Count + i + 1, true, hasty[i], keys, _history, _journal, _random.Fork()).RunAsync(HastyPauseMs, stop));
        loops.Add(new KvctlClient(clients.Count + hasty.Count + 1, _cluster.Endpoints, keys, _history, _journal, _random.Fork()).RunAsync(KvctlThinkMs, stop));
        return [.. loops];
    }

    private async Task<KvClient> ConnectAsync(string[] endpoints, bool session, bool coordinatorOnly = false)
    {
        var client = await KvClient.ConnectAsync(new KvClientOptions { Endpoints = endpoints, SessionConsistency = session, CoordinatorOnly = coordinatorOnly, Name = "chaos" });
        _clients.Add(client);
        return client;
    }

    private async Task<IReadOnlyList<ReplicaContent>> ContentsAsync(KvClient client)
    {
        try
        {
            var contents = new FinalContents(client, await client.TopologyAsync(TimeSpan.FromSeconds(20)));
            if (await contents.RestAsync(RestWithin) is { } trouble) _journal.Problem("rest", $"the replicas differ {RestWithin.TotalSeconds} s after all was healed: {trouble}");
            _journal.Say("the replicas are at rest; reading what they hold");
            return await contents.ReadAsync([.. _history.Keys]);
        }
        catch (KvException failure)
        {
            _journal.Problem("rest", $"the replicas cannot be read: {failure.Code} {failure.Message}");
            return [];
        }
    }

    /// <summary>
    /// At rest every key can be read by a quorum, which the checks look at like at any other read, and every replica soon knows that it is not
    /// stale: one that holds all again hears so from the primaries with one of the next heartbeats.
    /// </summary>
    private async Task LastReadsAsync(KvClient client)
    {
        await Parallel.ForEachAsync(_history.Keys, async (key, _) =>
        {
            var invokedNs = _journal.NowNs;
            if (await LastReadAsync(client, key, ReadConsistency.Quorum) is { } read) _history.Add(ChaosHistory.Answered(0, key, ReadConsistency.Quorum, read, invokedNs, _journal.NowNs));
        });
        foreach (var endpoint in _cluster.Endpoints)
        {
            var alone = await ConnectAsync([endpoint], session: false, coordinatorOnly: true);
            for (var partition = 0; partition < ChaosCluster.Partitions; partition++)
            {
                var read = await FreshReadAsync(alone, StrongProbe.KeyOf(partition));
                if (IsStale(read)) _journal.Problem("rest", $"{endpoint} answers a local read of partition {partition} with the bound {read!.Value.StalenessMs} ms, {FreshWithin.TotalSeconds} s after the replicas were at rest");
            }
        }
    }

    private static bool IsStale(ReadResult? read) => read is { StalenessMs: null or > MostStaleAtRestMs };

    /// <summary>The first local read with a bound that a replica at rest may have; if none comes in time, the last without.</summary>
    private async Task<ReadResult?> FreshReadAsync(KvClient alone, string key)
    {
        ReadResult? read = null;
        try
        {
            await Eventually.HoldsAsync(async () => !IsStale(read = await LastReadAsync(alone, key, ReadConsistency.Local)), FreshWithin);
        }
        catch (TimeoutException)
        {
            // The caller tells of it.
        }

        return read;
    }

    private async Task<ReadResult?> LastReadAsync(KvClient client, string key, ReadConsistency consistency)
    {
        try
        {
            return await client.GetAsync(System.Text.Encoding.UTF8.GetBytes(key), new ReadOptions(consistency, default, RestingPatience));
        }
        catch (KvException failure)
        {
            _journal.Problem("rest", $"a {consistency.Name()} read of {key} fails: {failure.Code.Name()} {failure.Message}");
            return null;
        }
    }

    private ChaosReport Judge(ObservedHistory history, IReadOnlyList<FaultFigures> faults, double seconds)
    {
        IHistoryCheck[] checks = [new LinearizabilityCheck(), new DurabilityCheck(), new ConvergenceCheck(), new VersionOrderCheck(), new OutcomeCheck(), new StalenessCheck(), new AtomicityCheck()];
        var violations = _journal.Problems.ToList();
        foreach (var check in checks)
            foreach (var problem in check.Check(history).Take(MostToldOfEach)) violations.Add(new Violation(check.Name, problem));
        WriteHistory(history);
        return new ChaosReport(
            _options, _cluster.Nodes.Count, seconds, history, faults, [.. checks.Select(c => c.Name), "exit-status", "clients", "nodes", "damage", "recovery", "rest"], violations, DurabilityCheck.CountCutFastWrites(history));
    }

    private void WriteHistory(ObservedHistory history)
    {
        var lines = history.Writes.Select(w => (w.InvokedNs, Text: w.ToString())).Concat(history.Reads.Select(r => (r.InvokedNs, Text: r.ToString()))).OrderBy(l => l.InvokedNs);
        File.WriteAllLines(Path.Combine(_directory, "logs", "history.txt"), lines.Select(l => l.Text));
    }
}
