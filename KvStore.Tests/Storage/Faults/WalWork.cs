using System.Buffers;
using KvStore.Core.Primitives;
using KvStore.Core.Storage.Wal;
using KvStore.Tests.Simulation;
using KvStore.Tests.Storage.Wal;
using Shouldly;

namespace KvStore.Tests.Storage.Faults;

/// <summary>
/// Everything that a log does with its directory: segments filled, followed, recycled and removed, a submission larger than a segment, no
/// room for a spare, reads, marks, clean stops, restarts with a tail to copy and with the leftovers of crashes.
/// </summary>
internal sealed class WalWork : FaultWork
{
    private const string Directory = WalHarness.UsualDirectory;
    private static readonly PartitionId P1 = new(1);
    private readonly WalHarness _wal = new(11);
    private readonly List<WalListenerLog> _listeners = [];
    private readonly List<WalAddress> _addresses = [];
    private ulong _index;
    private bool _othersAreFaster;

    public override void CheckAfterPowerCut()
    {
        if (_wal.Log is { } log && _wal.Listener.Failure is not null) CheckStopped(log);
        _wal.NotePromises();
        _wal.Disk = Disk.Crash();
        _wal.Open();
        _wal.Log.ShouldNotBeNull($"{_wal.Report!.Damage}");
        _wal.CheckRecovery();
        _wal.Submit(WalHarness.Entry(2, 9, 1, "77"));
        _wal.Scheduler.RunUntilIdle();
        _wal.Listener.Durable.Value.ShouldBe((ulong)_wal.History.Count);
    }

    protected override void NoteReports()
    {
        if (_wal.Listener.Failure is not null && !_listeners.Contains(_wal.Listener)) _listeners.Add(_wal.Listener);
        Told.AddRange(_listeners.Where(listener => listener.Failure is not null).Select(listener => listener.Failure!));
    }

    protected override void Work()
    {
        _wal.Disk = Disk;
        Leave("filling.wal");
        Open();
        for (var i = 0; i < 7; i++) Append(24_000);
        _othersAreFaster = true;
        for (var i = 0; i < 6; i++) Append(24_000);
        _othersAreFaster = false;
        Append(24_000);
        CheckReading();
        Append(120_000);
        Recycle(5);
        Idle();
        Stop();

        Leave("opening-0000000900-0000000900.wal");
        Leave("rolling.wal");
        Leave("spare.wal");
        Open();
        Append(100);
        Disk.CapacityBytes = Disk.UsedBytes;
        for (var i = 0; i < 5; i++) Append(24_000);
        Recycle(3);
        Disk.CapacityBytes = 64 << 20;
        Leave("filling.wal");
        for (var i = 0; i < 4; i++) Append(24_000);
        Leave("rolling.wal");
        Append(120_000);
        Recycle(3);
        for (var i = 0; i < 2; i++) Append(100);
        Reopen();
        for (var i = 0; i < 3; i++) Append(24_000);
        RemoveSpare();
        Reopen();
        CheckReading();
        FillLargeSegment();
        Stop();
    }

    /// <summary>There is space when the log looks, and none when it takes it.</summary>
    protected override int ScriptedFault(DiskCall call, string path) =>
        _othersAreFaster && call == DiskCall.Allocate && path.EndsWith(WalFormat.FillingName, StringComparison.Ordinal) ? 28 : 0;

    private void Leave(string name) => Disk.SetContent($"{Directory}/{name}", "left by a crash"u8);

    private void Open()
    {
        _wal.Open();
        _listeners.Add(_wal.Listener);
        _wal.Log.ShouldNotBeNull();
        _wal.CheckRecovery();
        _addresses.Clear();
        _addresses.AddRange(_wal.Replayed.Groups.TryGetValue(P1.Value, out var group) ? group.Addresses.Values : []);
        _wal.Scheduler.RunUntilIdle();
    }

    private void Append(int hexDigits)
    {
        var (_, addresses) = _wal.Submit(WalHarness.Entry(1, 1, ++_index, new string('D', hexDigits)));
        _addresses.Add(addresses[0]);
        _wal.Scheduler.RunUntilIdle();
        if (_wal.Listener.Failure is { } failure) throw new WalFailedException(failure);
    }

    private void CheckReading()
    {
        var last = _wal.History.Count - 1;
        foreach (var behind in new[] { 0, 1 })
        {
            var data = new ArrayBufferWriter<byte>();
            _wal.Log!.Read(_addresses[^(behind + 1)], P1, new LogIndex(_index - (ulong)behind), data);
            Convert.ToHexString(data.WrittenSpan).ShouldBe(_wal.History[last - behind].Data);
        }
    }

    private void Recycle(ulong keep)
    {
        _wal.SetApplied(P1, new LogIndex(_index - keep));
        _wal.Scheduler.RunUntilIdle();
    }

    private void Idle()
    {
        for (var i = 0; i < 2; i++)
        {
            _wal.Scheduler.Advance(_wal.Options.IdleMarkDelayNs);
            _wal.Scheduler.RunUntilIdle();
        }
    }

    private void Stop()
    {
        _wal.Log!.Stop();
        _wal.NotePromises();
        if (_wal.Listener.Failure is { } failure) throw new WalFailedException(failure);
    }

    /// <summary>The process dies and is started again: the last batches are copied.</summary>
    private void Reopen()
    {
        _wal.NotePromises();
        Open();
    }

    private void RemoveSpare()
    {
        if (Disk.List(Directory).Contains(WalFormat.SpareName)) Disk.Delete($"{Directory}/{WalFormat.SpareName}");
    }

    /// <summary>A spare of several megabytes is synced in steps; on a full disk a start takes what it gets.</summary>
    private void FillLargeSegment()
    {
        var large = new WalHarness(12) { Disk = Disk, Directory = "/data/large", Options = new WalOptions { SegmentBytes = 4 << 20, RetentionBytes = 16 << 20 } };
        Cycle(large);
        Disk.Delete($"{large.Directory}/{WalFormat.SpareName}");
        Disk.CapacityBytes = Disk.UsedBytes + (2 << 20);
        Cycle(large);
    }

    private void Cycle(WalHarness log)
    {
        log.Open();
        _listeners.Add(log.Listener);
        log.Scheduler.RunUntilIdle();
        log.Log!.Stop();
        if (log.Listener.Failure is { } failure) throw new WalFailedException(failure);
    }

    /// <summary>A log that failed accepts nothing, promises nothing more, and repeats no sync.</summary>
    private void CheckStopped(WriteAheadLog log)
    {
        _wal.Listener.Failures.ShouldBe(1);
        var durable = log.Durable;
        Should.Throw<Exception>(() => _wal.Submit(WalHarness.Entry(1, 9, 9, "09")));
        var syncs = Disk.Count(DiskCall.DataSync);
        _wal.Scheduler.RunUntilIdle();
        log.Stop();
        log.Durable.ShouldBe(durable);
        Disk.Count(DiskCall.DataSync).ShouldBe(syncs, "a sync is never repeated");
    }
}
