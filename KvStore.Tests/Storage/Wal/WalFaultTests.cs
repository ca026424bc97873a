using KvStore.Core.Io;
using KvStore.Core.Primitives;
using KvStore.Core.Storage.Wal;
using KvStore.Tests.Simulation;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Storage.Wal;

/// <summary>Every call of the disk fails once: the log stops at once, promises nothing more, and loses nothing that it promised.</summary>
[TestFixture]
public sealed class WalFaultTests
{
    private const int Eio = 5;
    private const int NoSpace = 28;

    [TestCase(Eio)]
    [TestCase(NoSpace)]
    public void Any_failing_call_stops_the_log_or_its_opening(int errno)
    {
        long steps = 0;
        Run(new WalHarness(11), (_, _) => 0, out steps);
        for (long step = 1; step <= steps; step++)
        {
            var wal = new WalHarness(11);
            var (failed, failedPath) = (DiskCall.Open, "");
            var left = step;
            var outcome = Run(wal, (call, path) =>
            {
                if (--left != 0) return 0;
                (failed, failedPath) = (call, path);
                return errno;
            }, out _);
            if (outcome is null && !IsHarmless(failedPath, errno)) Assert.Fail($"step {step}, {failed} of {failedPath} with errno {errno}: nothing stopped");
            if (wal.Log is not null && outcome is not null)
            {
                wal.Listener.Failures.ShouldBe(1);
                var durable = wal.Log.Durable;
                Should.Throw<WalFailedException>(() => wal.Submit(WalHarness.Entry(1, 9, 9, "09")));
                var syncs = wal.Disk.Count(DiskCall.DataSync);
                wal.Scheduler.RunUntilIdle();
                wal.Log.Stop();
                wal.Log.Durable.ShouldBe(durable);
                if (failed == DiskCall.DataSync) wal.Disk.Count(DiskCall.DataSync).ShouldBe(syncs, "a sync is never repeated");
            }

            wal.NotePromises();
            wal.Disk = wal.Disk.Crash();
            wal.Open();
            wal.Log.ShouldNotBeNull($"step {step}, {failed} with errno {errno}: {wal.Report!.Damage}");
            wal.CheckRecovery();
        }
    }

    [Test]
    public void A_full_disk_shows_in_the_reserve_before_a_submission_can_fail()
    {
        var wal = new WalHarness(12);
        wal.Open();
        wal.Scheduler.RunUntilIdle();
        wal.Disk.CapacityBytes = wal.Disk.UsedBytes;
        ulong index = 0;
        while (wal.Log!.ReservedBytes > 20_000)
        {
            wal.Submit(WalHarness.Entry(1, 1, ++index, new string('F', 10_000)));
            wal.Scheduler.RunUntilIdle();
            wal.Listener.Failure.ShouldBeNull();
        }

        index.ShouldBeGreaterThan(10UL);
        wal.Disk.CapacityBytes = long.MaxValue;
        wal.SetApplied(new PartitionId(1), new LogIndex(1));
        for (var i = 0; i < 30; i++)
        {
            wal.Submit(WalHarness.Entry(1, 1, ++index, new string('F', 10_000)));
            wal.Scheduler.RunUntilIdle();
        }

        wal.Listener.Failure.ShouldBeNull();
    }

    /// <summary>Opens, fills some segments, recycles, stops. Returns the failure, wherever it came out.</summary>
    private static Exception? Run(WalHarness wal, Func<DiskCall, string, int> fault, out long steps)
    {
        wal.Disk.Fault = (call, _, path) => fault(call, path);
        try
        {
            wal.Open();
            wal.Scheduler.RunUntilIdle();
            for (ulong i = 1; i <= 30 && wal.Listener.Failure is null; i++)
            {
                wal.Submit(WalHarness.Entry(1, 1, i, new string('D', 24_000)));
                wal.Scheduler.RunUntilIdle();
                if (i > 3) wal.SetApplied(new PartitionId(1), new LogIndex(Math.Min(i - 3, wal.Listener.Durable.Value)));
                if (i % 7 == 0) wal.Scheduler.Advance(wal.Options.IdleMarkDelayNs);
            }

            wal.Scheduler.RunUntilIdle();
            if (wal.Listener.Failure is null) wal.Log!.Stop();
            return wal.Listener.Failure;
        }
        catch (DiskException e)
        {
            return e;
        }
        finally
        {
            steps = wal.Disk.Steps;
            wal.Disk.Fault = null;
        }
    }

    /// <summary>A full disk while a spare is made is no failure: the writer has the rest of its segment, and tries again itself.</summary>
    private static bool IsHarmless(string path, int errno) => errno == NoSpace && path.EndsWith(WalFormat.FillingName, StringComparison.Ordinal);
}
