using KvStore.Core.Primitives;
using KvStore.Core.Storage.Wal;
using KvStore.Tests.Simulation;
using NUnit.Framework;

namespace KvStore.Tests.Storage.Wal;

/// <summary>One random history of a log, from a seed.</summary>
internal sealed class WalStory
{
    private const int Partitions = 5;
    private const int Lives = 4;
    private readonly WalHarness _harness;
    private readonly Prng _random;
    private readonly ulong[] _lastIndex = new ulong[Partitions];
    private WalModel _durable = new();
    private ulong _followed;
    private ulong _term = 1;
    private ulong _clock = 100;

    public WalStory(ulong seed)
    {
        _harness = new WalHarness(seed);
        _random = _harness.Random;
    }

    public int PowerCuts { get; private set; }

    public int PowerCutsInRecovery { get; private set; }

    public int TornTails { get; private set; }

    public int RecycledSegments { get; private set; }

    public int LostRecords { get; private set; }

    /// <summary>Depends on every draw and on all that was written.</summary>
    public string Fingerprint => $"{_random.NextUInt64():x16} {_harness.Disk.Steps} {string.Join('|', _harness.History)}";

    public void Run()
    {
        for (var life = 0; life < Lives; life++)
        {
            OpenUntilItWorks();
            SetPowerCut(250);
            try
            {
                Live();
                if (_random.Chance(1, 3)) _harness.Log!.Stop();
            }
            catch (PowerCutException)
            {
                PowerCuts++;
            }

            _harness.NotePromises();
            RecycledSegments += (int)_harness.Log!.Statistics.SegmentsRecycled;
            _harness.Disk = _random.Chance(1, 3) ? _harness.Disk.Kill() : _harness.Disk.Crash();
        }
    }

    private void SetPowerCut(int within) => _harness.Disk.PowerCutAtStep = _harness.Disk.Steps + 1 + _random.Next(within);

    private void OpenUntilItWorks()
    {
        while (true)
        {
            if (_random.Chance(1, 2)) SetPowerCut(40);
            try
            {
                var submitted = _harness.History.Count;
                _harness.Open();
                if (_harness.Log is null) throw new AssertionException($"taken for damaged: {_harness.Report!.Damage}");
                _harness.CheckRecovery();
                if (_harness.Report!.TornBytes > 0) TornTails++;
                LostRecords += submitted - _harness.History.Count;
                _harness.Disk.PowerCutAtStep = 0;
                TakeOver();
                return;
            }
            catch (PowerCutException)
            {
                PowerCutsInRecovery++;
                _harness.Disk = _random.Chance(1, 3) ? _harness.Disk.Kill() : _harness.Disk.Crash();
            }
        }
    }

    /// <summary>Goes on where the recovered log ends.</summary>
    private void TakeOver()
    {
        _durable = WalModel.Of(_harness.History);
        _followed = (ulong)_harness.History.Count;
        for (ushort p = 0; p < Partitions; p++)
        {
            var applied = _harness.Applied.GetValueOrDefault(new PartitionId(p)).Value;
            _lastIndex[p] = _durable.Groups.TryGetValue(p, out var group) ? Math.Max(group.LastIndex, applied) : applied;
            if (_random.Chance(3, 4) && applied > 0) _harness.Log!.SetApplied(new PartitionId(p), new LogIndex(applied));
        }
    }

    private void Live()
    {
        for (var step = 0; step < 100; step++)
        {
            switch (_random.Next(10))
            {
                case < 5:
                    _harness.Submit(DrawRecords());
                    break;
                case < 8:
                    for (var i = _random.Next(4); i >= 0 && _harness.Scheduler.RunOne(); i--)
                    {
                    }

                    break;
                case 8:
                    _harness.Scheduler.Advance(_random.Next(40_000_000));
                    break;
                default:
                    ApplySome();
                    break;
            }
        }

        if (_random.Chance(1, 2)) _harness.Scheduler.RunUntilIdle();
    }

    /// <summary>Tables hold only what is durable in the log, and Raft never cuts what is applied.</summary>
    private void ApplySome()
    {
        for (; _followed < _harness.Log!.Durable.Value; _followed++) _durable.Apply(_harness.History[(int)_followed], WalAddress.None);
        var p = (ushort)_random.Next(Partitions);
        if (!_durable.Groups.TryGetValue(p, out var group)) return;
        var low = _harness.Applied.GetValueOrDefault(new PartitionId(p)).Value;
        var high = Math.Min(group.LastIndex, _lastIndex[p]);
        if (high > low) _harness.SetApplied(new PartitionId(p), new LogIndex(high - (ulong)_random.Next((int)Math.Min(3, high - low))));
    }

    private WalRecord[] DrawRecords()
    {
        var records = new WalRecord[1 + _random.Next(4)];
        for (var i = 0; i < records.Length; i++) records[i] = DrawRecord((ushort)_random.Next(Partitions));
        return records;
    }

    private WalRecord DrawRecord(ushort p)
    {
        var applied = _harness.Applied.GetValueOrDefault(new PartitionId(p)).Value;
        switch (_random.Next(20))
        {
            case 0:
                return WalHarness.HardState(p, ++_term, (ulong)_random.Next(4), _lastIndex[p]);
            case 1 when _lastIndex[p] > applied:
                var from = applied + 1 + (ulong)_random.Next((int)(_lastIndex[p] - applied));
                _lastIndex[p] = from - 1;
                return new WalRecord(WalRecordType.Truncate, new PartitionId(p), [from], "");
            case 2:
                return new WalRecord(WalRecordType.HlcCeiling, default, [_clock += 10], "");
            case 3:
                return new WalRecord(WalRecordType.DetachedRelease, new PartitionId(p), [(ulong)_harness.History.Count], "");
            case 4 when _random.Chance(1, 4):
                return new WalRecord(WalRecordType.DetachedWrite, new PartitionId(p), [], DrawData(200));
            default:
                return WalHarness.Entry(p, _term, ++_lastIndex[p], DrawData(_random.Chance(1, 50) ? 40_000 : 1_500));
        }
    }

    private string DrawData(int below)
    {
        var data = new byte[_random.Next(below)];
        _random.Fill(data);
        return Convert.ToHexString(data);
    }
}
