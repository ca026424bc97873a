using KvStore.Protocol.Client;
using KvStore.Tests.Chaos.Load;
using KvStore.Tests.Chaos.Network;
using KvStore.Tests.Chaos.Nodes;

namespace KvStore.Tests.Chaos.Runs;

/// <summary>Brings faults upon a cluster, one or two at a time, ends them, and waits until strong writes succeed everywhere again.</summary>
internal sealed class ChaosNemesis(ChaosCluster cluster, ChaosPlan plan, KvClient client, Availability availability, ChaosJournal journal)
{
    private const long NsPerMs = 1_000_000;
    private const int RecoverWithinMs = 15_000;
    private const int LookEveryMs = 20;
    private const int OneMegabitPerMs = 125;
    private const long BytesPerMiB = 1 << 20;

    private readonly List<FaultSpan> _spans = [];
    private readonly List<Func<LinkWeather, LinkWeather>> _weathers = [];

    public IReadOnlyList<FaultSpan> Spans => _spans;

    /// <summary>Until a moment of the journal's clock, or until it is told to stop; all faults are over when it returns.</summary>
    public void Run(long untilNs, CancellationToken stop)
    {
        while (journal.NowNs < untilNs && !stop.IsCancellationRequested)
        {
            stop.WaitHandle.WaitOne(plan.NextPauseMs());
            if (stop.IsCancellationRequested) break;
            Bring(plan.Next(), stop);
        }

        EndNs = journal.NowNs;
    }

    /// <summary>When the last fault was over.</summary>
    public long EndNs { get; private set; }

    private void Bring(ChaosFault[] faults, CancellationToken stop)
    {
        var beginNs = journal.NowNs;
        var ends = new List<(Action End, ChaosFault Fault, long AtNs)>();
        foreach (var drawn in faults)
        {
            var fault = drawn.Node == ChaosFault.WhoLeadsMost ? drawn with { Node = Primary().Number } : drawn;
            journal.Say($"FAULT {fault}{Led(fault)}");
            var atNs = journal.NowNs + (fault.DurationMs * NsPerMs);
            ends.Add((Begin(fault, stop), fault, atNs));
        }

        foreach (var (end, fault, atNs) in ends.OrderBy(e => e.AtNs))
        {
            if (atNs - journal.NowNs is var leftNs and > 0) stop.WaitHandle.WaitOne((int)(leftNs / NsPerMs));
            end();
            journal.Say($"end of {ChaosFault.NameOf(fault.Kind)}");
        }

        var span = new FaultSpan(faults, beginNs, journal.NowNs);
        _spans.Add(span);
        AwaitRecovery(span);
    }

    private void AwaitRecovery(FaultSpan span)
    {
        var deadlineNs = span.EndNs + (RecoverWithinMs * NsPerMs);
        using var never = new ManualResetEvent(false);
        while (availability.WithoutSuccessSince(span.EndNs) is { Count: > 0 } without)
        {
            if (journal.NowNs > deadlineNs)
            {
                journal.Problem("recovery", $"no strong writes {RecoverWithinMs} ms after the end of {span.Kind}, on partitions {string.Join(", ", without)}");
                return;
            }

            never.WaitOne(LookEveryMs);
        }

        var figures = FaultFigures.Of([span], [.. availability.GapsUntil(journal.NowNs).Where(g => g.UntilNs > span.BeginNs)]).Single(f => f.Kind == span.Kind);
        journal.Say($"strong writes everywhere; longest without {figures.Longest}, of which {figures.LongestAfterSeconds:F2} s after the end");
    }

    /// <returns>What ends it.</returns>
    private Action Begin(ChaosFault fault, CancellationToken stop)
    {
        var node = cluster[fault.Node];
        switch (fault.Kind)
        {
            case ChaosFaultKind.Kill:
                return Hold([node]);
            case ChaosFaultKind.KillPrimary:
                return Hold([Primary()]);
            case ChaosFaultKind.KillTwo:
                return Hold([node, cluster[fault.Other]]);
            case ChaosFaultKind.KillAll:
                return Hold(cluster.Nodes);
            case ChaosFaultKind.RestartStorm:
                return Meanwhile(() => Storm(fault, stop));
            case ChaosFaultKind.Restart:
                node.StopAndStart();
                return Nothing;
            case ChaosFaultKind.Pause:
                node.Pause();
                return node.Continue;
            case ChaosFaultKind.PausePrimary:
                var primary = Primary();
                primary.Pause();
                return primary.Continue;
            case ChaosFaultKind.DiskFull:
                node.Disk.Fill(fault.Amount * BytesPerMiB);
                return node.Disk.Free;
            case ChaosFaultKind.DiskFullOnAll:
                foreach (var each in cluster.Nodes) each.Disk.Fill(fault.Amount * BytesPerMiB);
                return () =>
                {
                    foreach (var each in cluster.Nodes) each.Disk.Free();
                };
            case ChaosFaultKind.WallClock:
                node.Clock.Set(fault.Amount);
                return () => node.Clock.Set(0);
            default:
                return BeginOnNetwork(fault, stop);
        }
    }

    private Action BeginOnNetwork(ChaosFault fault, CancellationToken stop)
    {
        var node = fault.Node;
        switch (fault.Kind)
        {
            case ChaosFaultKind.Isolate:
                return Cut([.. Others(node).Append(0).SelectMany(other => Both(node, other))]);
            case ChaosFaultKind.IsolateFromPeers:
                return Cut([.. Others(node).SelectMany(other => Both(node, other))]);
            case ChaosFaultKind.Mute:
                return Cut([.. Others(node).Select(other => (node, other))]);
            case ChaosFaultKind.Deafen:
                return Cut([.. Others(node).Select(other => (other, node))]);
            case ChaosFaultKind.Bridge:
                return Cut([.. Both(node, fault.Other)]);
            case ChaosFaultKind.Flap:
                return Meanwhile(() => Flap(fault, stop));
            case ChaosFaultKind.Delay:
                return Weather(w => w with { DelayMs = 50, JitterMs = 100 });
            case ChaosFaultKind.Loss:
                return Weather(w => w with { LostPermille = fault.Amount });
            case ChaosFaultKind.Disorder:
                return Weather(w => w with { JitterMs = 20, TwicePermille = 100 });
            case ChaosFaultKind.SlowLink:
                cluster.Wire.Links.Throttle(node, OneMegabitPerMs);
                return () => cluster.Wire.Links.Throttle(node, 0);
            default:
                throw new InvalidOperationException($"{fault.Kind} is no fault that is known here");
        }
    }

    private static void Nothing()
    {
    }

    private static Action Meanwhile(Action act)
    {
        var acting = Task.Factory.StartNew(act, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        return () => acting.GetAwaiter().GetResult();
    }

    private static Action Hold(IReadOnlyList<ChaosNode> nodes)
    {
        Parallel.ForEach(nodes, node => node.Hold());
        return () =>
        {
            foreach (var node in nodes) node.Release();
        };
    }

    /// <summary>The node that leads most partitions.</summary>
    private ChaosNode Primary()
    {
        var leaders = Leaders();
        return cluster.Nodes.MaxBy(node => leaders.Count(leader => leader == node.Number))!;
    }

    /// <summary>What a fault of one node takes away.</summary>
    private string Led(ChaosFault fault) => fault.IsOfOneNode ? $", leads {Leaders().Count(leader => leader == fault.Node)} of {ChaosCluster.Partitions}" : "";

    private IReadOnlyList<ushort> Leaders()
    {
        try
        {
            return client.TopologyAsync().AsTask().GetAwaiter().GetResult().Leaders;
        }
        catch (KvException)
        {
            return [];
        }
    }

    private void Storm(ChaosFault fault, CancellationToken stop)
    {
        var untilNs = journal.NowNs + (fault.DurationMs * NsPerMs);
        for (var i = fault.Node; journal.NowNs < untilNs && !stop.WaitHandle.WaitOne(fault.Amount); i++)
            cluster[1 + (i % cluster.Nodes.Count)].KillAndStart();
    }

    private void Flap(ChaosFault fault, CancellationToken stop)
    {
        var untilNs = journal.NowNs + (fault.DurationMs * NsPerMs);
        while (journal.NowNs < untilNs && !stop.IsCancellationRequested)
        {
            var mend = Cut([.. Both(fault.Node, fault.Other)]);
            stop.WaitHandle.WaitOne(fault.Amount);
            mend();
            stop.WaitHandle.WaitOne(fault.Amount);
        }
    }

    private Action Weather(Func<LinkWeather, LinkWeather> change)
    {
        _weathers.Add(change);
        Forecast();
        return () =>
        {
            _weathers.Remove(change);
            Forecast();
        };

        void Forecast() => cluster.Wire.Links.Weather = _weathers.Aggregate(default(LinkWeather), (weather, next) => next(weather));
    }

    private Action Cut((int From, int To)[] links)
    {
        foreach (var (from, to) in links) cluster.Wire.Links.Cut(from, to);
        return () =>
        {
            foreach (var (from, to) in links) cluster.Wire.Links.Mend(from, to);
        };
    }

    private static IEnumerable<(int From, int To)> Both(int one, int other) => [(one, other), (other, one)];

    private IEnumerable<int> Others(int node) => cluster.Nodes.Select(n => n.Number).Where(n => n != node);
}
