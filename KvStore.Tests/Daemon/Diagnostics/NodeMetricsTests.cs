using System.Diagnostics;
using System.Text;
using KvStore.Core.Storage;
using KvStore.Daemon.Diagnostics;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Daemon.Diagnostics;

public sealed class NodeMetricsTests
{
    private NodeMetrics _metrics = null!;

    [SetUp]
    public void Create() => _metrics = new NodeMetrics("1.2.3");

    [TearDown]
    public void Dispose() => _metrics.Dispose();

    [Test]
    public void Every_family_is_there_before_anything_has_happened()
    {
        var text = Export();
        string[] families =
        [
            "request_duration_seconds", "request_latency_seconds", "wal_size_bytes", "wal_fsync_duration_seconds", "wal_batch_records",
            "replication_lag_entries", "replication_lag_bytes", "replication_lag_seconds", "at_risk_writes", "at_risk_bytes",
            "at_risk_oldest_seconds", "partition_role", "elections_total", "leader_changes_total", "fast_writes_cut_total", "connections",
            "frames_total", "overload_rejections_total", "memtable_bytes", "sstable_files", "build_info",
        ];
        foreach (var family in families) text.ShouldContain($"# TYPE kvd_{family} ");
        Series(text, "kvd_build_info{version=\"1.2.3\"}").ShouldBe("1");
        Series(text, "kvd_request_latency_seconds{quantile=\"0.999\"}").ShouldBe("NaN");
    }

    [Test]
    public void A_request_is_counted_under_its_labels_and_in_the_percentiles()
    {
        for (var i = 0; i < 99; i++) _metrics.ObserveRequest(RequestOperation.Put, RequestMode.Strong, RequestResult.Ok, 1_000_000);
        _metrics.ObserveRequest(RequestOperation.MultiGet, RequestMode.Quorum, RequestResult.Refused, 2_000_000_000);
        var text = Export();
        Series(text, "kvd_request_duration_seconds_count{op=\"put\",mode=\"strong\",result=\"ok\"}").ShouldBe("99");
        Series(text, "kvd_request_duration_seconds_bucket{op=\"put\",mode=\"strong\",result=\"ok\",le=\"0.0008\"}").ShouldBe("0");
        Series(text, "kvd_request_duration_seconds_bucket{op=\"put\",mode=\"strong\",result=\"ok\",le=\"0.0016\"}").ShouldBe("99");
        Series(text, "kvd_request_duration_seconds_count{op=\"multi_get\",mode=\"quorum\",result=\"refused\"}").ShouldBe("1");
        Number(text, "kvd_request_latency_seconds{quantile=\"0.5\"}").ShouldBe(0.001, tolerance: 0.00004);
        Number(text, "kvd_request_latency_seconds{quantile=\"0.999\"}").ShouldBe(2, tolerance: 0.07);
    }

    [Test]
    public void Every_label_combination_has_a_series_of_its_own()
    {
        var expected = 0;
        foreach (var op in Enum.GetValues<RequestOperation>())
        {
            foreach (var mode in Enum.GetValues<RequestMode>())
            {
                foreach (var result in Enum.GetValues<RequestResult>())
                {
                    _metrics.ObserveRequest(op, mode, result, 1_000);
                    expected++;
                }
            }
        }

        Export().Split('\n').Count(l => l.StartsWith("kvd_request_duration_seconds_count{", StringComparison.Ordinal) && l.EndsWith(" 1", StringComparison.Ordinal)).ShouldBe(expected);
    }

    [Test]
    public void A_sync_is_counted_with_its_records()
    {
        _metrics.ObserveWalSync(durationNs: 200_000, records: 7);
        var text = Export();
        Series(text, "kvd_wal_fsync_duration_seconds_count").ShouldBe("1");
        Series(text, "kvd_wal_batch_records_sum").ShouldBe("7");
        _metrics.WalSyncQuantileNs(0.95).ShouldBe(200_000, tolerance: 6_400);
    }

    [Test]
    public void Figures_are_read_at_the_scrape_and_not_before()
    {
        var reads = 0;
        _metrics.ReadFiguresFrom(() => new NodeFigures { WalBytes = ++reads * 100, Elections = reads });
        reads.ShouldBe(0);
        Series(Export(), "kvd_wal_size_bytes").ShouldBe("100");
        var text = Export();
        Series(text, "kvd_wal_size_bytes").ShouldBe("200");
        Series(text, "kvd_elections_total").ShouldBe("2");
    }

    [Test]
    public void Every_figure_has_its_series()
    {
        _metrics.ReadFiguresFrom(() => new NodeFigures
        {
            WalBytes = 1,
            Peers = [new PeerLag("n2", 2, 3, 4.5)],
            AtRiskWrites = 5,
            AtRiskBytes = 6,
            AtRiskOldestSeconds = 0.5,
            PartitionsByRole = new Dictionary<string, int> { ["primary"] = 86 },
            Elections = 7,
            LeaderChanges = 8,
            FastWritesCut = 9,
            Connections = 10,
            FramesReceived = 11,
            FramesSent = 12,
            OverloadRejections = 13,
            WriteStallSeconds = 1.5,
            SnapshotsSent = 17,
            SnapshotsInstalled = 18,
            Storage = new StorageStatistics(14, 0, 0, 19, 20, 21, [new(15, 100), new(16, 400)], 22, 1000, 23, 2000, 24, 25, WritePressure.SlowDown),
            PartitionsHalted = 26,
            PartitionHalts = 27,
        });
        var text = Export();
        Series(text, "kvd_wal_size_bytes").ShouldBe("1");
        Series(text, "kvd_replication_lag_entries{peer=\"n2\"}").ShouldBe("2");
        Series(text, "kvd_replication_lag_bytes{peer=\"n2\"}").ShouldBe("3");
        Series(text, "kvd_replication_lag_seconds{peer=\"n2\"}").ShouldBe("4.5");
        Series(text, "kvd_at_risk_writes").ShouldBe("5");
        Series(text, "kvd_at_risk_bytes").ShouldBe("6");
        Series(text, "kvd_at_risk_oldest_seconds").ShouldBe("0.5");
        Series(text, "kvd_partition_role{role=\"primary\"}").ShouldBe("86");
        Series(text, "kvd_elections_total").ShouldBe("7");
        Series(text, "kvd_leader_changes_total").ShouldBe("8");
        Series(text, "kvd_fast_writes_cut_total").ShouldBe("9");
        Series(text, "kvd_connections").ShouldBe("10");
        Series(text, "kvd_frames_total{direction=\"in\"}").ShouldBe("11");
        Series(text, "kvd_frames_total{direction=\"out\"}").ShouldBe("12");
        Series(text, "kvd_overload_rejections_total").ShouldBe("13");
        Series(text, "kvd_memtable_bytes").ShouldBe("14");
        Series(text, "kvd_sstable_files{level=\"0\"}").ShouldBe("15");
        Series(text, "kvd_partitions_halted").ShouldBe("26");
        Series(text, "kvd_partition_halts_total").ShouldBe("27");
        Series(text, "kvd_sstable_files{level=\"1\"}").ShouldBe("16");
        Series(text, "kvd_sstable_bytes{level=\"1\"}").ShouldBe("400");
        Series(text, "kvd_write_stall_seconds_total").ShouldBe("1.5");
        Series(text, "kvd_snapshot_sent_total").ShouldBe("17");
        Series(text, "kvd_snapshot_installed_total").ShouldBe("18");
        Series(text, "kvd_block_cache_bytes").ShouldBe("19");
        Series(text, "kvd_block_cache_hits_total").ShouldBe("20");
        Series(text, "kvd_block_cache_misses_total").ShouldBe("21");
        Series(text, "kvd_flush_total").ShouldBe("22");
        Series(text, "kvd_flush_bytes_total").ShouldBe("1000");
        Series(text, "kvd_compaction_total").ShouldBe("23");
        Series(text, "kvd_compaction_bytes_total").ShouldBe("2000");
        Series(text, "kvd_write_amplification").ShouldBe("3");
        Series(text, "kvd_read_amplification").ShouldBe("16");
        Series(text, "kvd_space_amplification").ShouldBe("1.25");
        Series(text, "kvd_corruptions_total").ShouldBe("24");
        Series(text, "kvd_free_space_bytes").ShouldBe("25");
        Series(text, "kvd_write_pressure").ShouldBe("1");
    }

    [Test]
    public void A_peer_or_a_role_that_is_gone_is_no_longer_reported()
    {
        _metrics.ReadFiguresFrom(() => new NodeFigures { Peers = [new("n2", 1, 1, 1)], PartitionsByRole = new Dictionary<string, int> { ["learner"] = 1 } });
        Export().ShouldContain("n2");
        _metrics.ReadFiguresFrom(() => new NodeFigures { Peers = [new("n3", 1, 1, 1)] });
        var text = Export();
        text.ShouldNotContain("n2");
        text.ShouldNotContain("learner");
        text.ShouldContain("n3");
    }

    [Test]
    public void Nodes_in_one_process_have_registries_of_their_own()
    {
        using var other = new NodeMetrics("1.2.3");
        other.ObserveWalSync(1, 1);
        Series(Export(), "kvd_wal_batch_records_count").ShouldBe("0");
    }

    [Test]
    public void Observing_allocates_nothing()
    {
        ObserveOften(1_000);
        var before = GC.GetAllocatedBytesForCurrentThread();
        ObserveOften(10_000);
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBe(0);
    }

    /// <summary>Printed, not asserted: a time depends on the machine and on who else uses it.</summary>
    [Test]
    public void The_cost_of_an_observation_is_shown()
    {
        const int rounds = 1_000_000;
        ObserveOften(rounds);
        var watch = Stopwatch.StartNew();
        ObserveOften(rounds);
        TestContext.Out.WriteLine($"ObserveRequest: {watch.Elapsed.TotalNanoseconds / rounds:F1} ns");
        Number(Export(), "kvd_request_duration_seconds_count{op=\"get\",mode=\"local\",result=\"ok\"}").ShouldBe(2 * rounds);
    }

    private void ObserveOften(int times)
    {
        for (var i = 0; i < times; i++) _metrics.ObserveRequest(RequestOperation.Get, RequestMode.Local, RequestResult.Ok, 50_000 + i);
    }

    private string Export() => Encoding.UTF8.GetString(_metrics.ExportText().Span);

    private static string Series(string text, string series) =>
        text.Split('\n').Single(l => l.StartsWith(series + " ", StringComparison.Ordinal))[(series.Length + 1)..];

    private static double Number(string text, string series) => double.Parse(Series(text, series), System.Globalization.CultureInfo.InvariantCulture);
}
