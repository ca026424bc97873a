using KvStore.Core.Primitives;
using KvStore.Core.Storage.Wal;
using KvStore.Tests.Simulation;
using NUnit.Framework;

namespace KvStore.Tests.Storage.Wal;

/// <summary>A log on a simulated disk, and beside it the plain truth: every record that was submitted, at its LSN.</summary>
internal sealed class WalHarness(ulong seed)
{
    public const string UsualDirectory = "/data/wal";
    public static readonly WalIdentity Identity = new(new UInt128(1, 2), new NodeId(7), 0x1122334455667788);
    private readonly WalWriteBuffer _buffer = new();

    public string Directory { get; init; } = UsualDirectory;

    public WalOptions Options { get; init; } = new() { SegmentBytes = 64 << 10, RetentionBytes = 160 << 10, MaxBatchBytes = 16 << 10 };

    public Prng Random { get; } = new(seed);

    public SimDisk Disk { get; set; } = new(seed);

    public SimScheduler Scheduler { get; private set; } = new(seed);

    public WalListenerLog Listener { get; private set; } = new();

    public WriteAheadLog? Log { get; private set; }

    public WalRecoveryReport? Report { get; private set; }

    /// <summary>What came back at the last opening.</summary>
    public WalModel Replayed { get; private set; } = new();

    /// <summary>Record i has LSN i + 1. Cut back to what was recovered at every opening.</summary>
    public List<WalRecord> History { get; } = [];

    /// <summary>The last LSN of each submission.</summary>
    public SortedSet<ulong> SubmissionEnds { get; } = [0];

    /// <summary>The highest LSN that was ever reported durable and not cut by an accepted damage.</summary>
    public Lsn Promised { get; private set; }

    public Dictionary<PartitionId, LogIndex> Applied { get; } = [];

    public void Open()
    {
        Scheduler = new SimScheduler(Random.NextUInt64());
        Listener = new WalListenerLog();
        Replayed = new WalModel();
        Log = null;
        var recovery = WriteAheadLog.Open(Disk, Directory, Options, Identity, Scheduler, Scheduler, Listener, Replayed);
        (Log, Report) = (recovery.Log, recovery.Report);
    }

    /// <summary>Submits records that were queued with the Add methods.</summary>
    public (Lsn Last, WalAddress[] Addresses) Submit(params WalRecord[] records)
    {
        _buffer.Clear();
        foreach (var record in records) record.AddTo(_buffer);
        var addresses = new WalAddress[records.Length];
        var last = Log!.Submit(_buffer, addresses);
        History.AddRange(records);
        SubmissionEnds.Add(last.Value);
        if (last.Value != (ulong)History.Count) throw new InvalidOperationException($"LSN {last} for record {History.Count}");
        return (last, addresses);
    }

    public static WalRecord Entry(int partition, ulong term, ulong index, string hex) => new(WalRecordType.Entry, new PartitionId((ushort)partition), [term, index], hex);

    public static WalRecord HardState(int partition, ulong term, ulong vote, ulong commit) => new(WalRecordType.HardState, new PartitionId((ushort)partition), [term, vote, commit], "");

    public void SetApplied(PartitionId partition, LogIndex through)
    {
        Applied[partition] = through;
        Log!.SetApplied(partition, through);
    }

    /// <summary>Takes over what the listener heard. Called before the disk crashes.</summary>
    public void NotePromises() => Promised = new Lsn(Math.Max(Promised.Value, Listener.Durable.Value));

    /// <summary>After a successful opening: checks it against the truth, which is then cut to what was recovered.</summary>
    public void CheckRecovery()
    {
        var last = Report!.LastLsn;
        if (last < Promised) Fail($"recovered to LSN {last}, promised {Promised}");
        if (last.Value > (ulong)History.Count) Fail($"recovered to LSN {last}, submitted {History.Count}");
        if (!SubmissionEnds.Contains(last.Value)) Fail($"recovered to LSN {last}, which is within a submission");
        for (var lsn = Report.FirstLsn.Value; lsn <= last.Value; lsn++)
        {
            if (!Replayed.Records.TryGetValue(lsn, out var record)) Fail($"LSN {lsn} was not replayed");
            else if (!History[(int)lsn - 1].Same(record)) Fail($"LSN {lsn} is {record}, was {History[(int)lsn - 1]}");
        }

        if (Replayed.Records.Count > 0 && Replayed.Records.Keys.Last() > last.Value) Fail($"LSN {Replayed.Records.Keys.Last()} was replayed");

        History.RemoveRange((int)last.Value, History.Count - (int)last.Value);
        SubmissionEnds.RemoveWhere(end => end > last.Value);
        Promised = last;
        CheckGroups(WalModel.Of(History));
    }

    private void CheckGroups(WalModel truth)
    {
        if (truth.HlcCeiling != Replayed.HlcCeiling) Fail($"clock ceiling {Replayed.HlcCeiling}, was {truth.HlcCeiling}");
        if (!truth.Groups.Keys.SequenceEqual(Replayed.Groups.Keys)) Fail($"groups {string.Join(",", Replayed.Groups.Keys)}, were {string.Join(",", truth.Groups.Keys)}");
        foreach (var (number, group) in truth.Groups)
        {
            var replayed = Replayed.Groups[number];
            if (group.HardState != replayed.HardState) Fail($"p{number} has {replayed.HardState}, had {group.HardState}");
            var applied = Applied.GetValueOrDefault(new PartitionId(number)).Value;
            foreach (var (index, data) in group.Log)
                if (index > applied && !data.Same(replayed.Log.GetValueOrDefault(index))) Fail($"p{number} entry {index} is {replayed.Log.GetValueOrDefault(index)}, was {data}");
            foreach (var (index, data) in replayed.Log)
                if (!data.Same(group.Log.GetValueOrDefault(index))) Fail($"p{number} has entry {index} = {data}, had {group.Log.GetValueOrDefault(index)}");
            foreach (var (index, address) in replayed.Addresses) CheckRead(number, index, address, replayed.Log[index]);
        }
    }

    private void CheckRead(ushort partition, ulong index, WalAddress address, WalRecord expected)
    {
        var read = new System.Buffers.ArrayBufferWriter<byte>();
        Log!.Read(address, new PartitionId(partition), new LogIndex(index), read);
        var data = Convert.ToHexString(read.WrittenSpan);
        if (expected.Data != data) Fail($"reading p{partition} entry {index} at {address}: {data}, was {expected}");
    }

    private void Fail(string what) => throw new AssertionException($"seed {seed}: {what}");
}
