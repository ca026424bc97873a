using System.Buffers;
using System.Buffers.Binary;
using KvStore.Core.Io;
using KvStore.Core.Primitives;
using KvStore.Core.Storage.Wal;
using KvStore.Tests.Simulation;
using KvStore.Tests.Storage.Wal;
using WalRecordHeader = KvStore.Core.Storage.Wal.RecordHeader;

namespace KvStore.Tests.Fuzzing.Targets;

/// <summary>The write-ahead log: its directory as a whole, and a single entry read back.</summary>
internal static class LogTargets
{
    private const string Directory = "/data/wal";
    private const int EntryOffset = 4096;

    private static readonly WalOptions Options = new() { SegmentBytes = 16 << 10, RetentionBytes = 1 << 20 };

    public static IEnumerable<IDecoderTarget> All =>
    [
        new DecoderTarget
        {
            Name = "wal",
            Covers =
            [
                $"{nameof(WriteAheadLog)}.{nameof(WriteAheadLog.Open)}", $"{nameof(LogRecovery)}.{nameof(LogRecovery.Open)}", "SegmentScanner", "LogFiles.List",
                $"{nameof(SegmentHeader)}.{nameof(SegmentHeader.TryRead)}", $"{nameof(SegmentHeader)}.{nameof(SegmentHeader.TryReadVersion)}",
                $"{nameof(BatchHeader)}.{nameof(BatchHeader.TryRead)}", $"{nameof(GroupState)}.{nameof(GroupState.ReadAll)}", "RecordEnumerator",
                $"Wal.RecordHeader.{nameof(WalRecordHeader.Read)}", $"{nameof(WriteAheadLog)}.{nameof(WriteAheadLog.Read)}",
                $"{nameof(EntryReader)}.{nameof(EntryReader.Read)}", $"{nameof(WalFormat)}.{nameof(WalFormat.TryParseSegmentName)}",
                $"{nameof(WalFormat)}.{nameof(WalFormat.TryParseOpeningName)}", "RecordPayload",
            ],
            Valid = RandomLog,
            Read = Recover,
            Refuses = [typeof(WalRefusedException)],
            Checksums = Repair,

            // The scanner's window, the new segment, and the queue's first batches.
            StatedBytes = 4 << 20,
            BytesPerByte = 128,
        },
        new DecoderTarget
        {
            Name = "wal-inspection",
            Covers = [$"{nameof(WalInspection)}.{nameof(WalInspection.Inspect)}"],
            Valid = RandomLog,
            Read = Inspect,
            Refuses = [typeof(WalRefusedException)],
            Checksums = Repair,
            StatedBytes = 1 << 20,
            BytesPerByte = 128,
        },
        new DecoderTarget
        {
            Name = "wal-entry",
            Covers = [$"{nameof(EntryReader)}.{nameof(EntryReader.Copy)}"],
            Valid = RandomEntry,
            Read = ReadEntry,
            Refuses = [typeof(CorruptionException)],
            Checksums = record => RepairRecord(record, record.Length),
        },
    ];

    /// <summary>A log of some starts, in small segments, at times with a tail that nobody knows to be durable.</summary>
    private static byte[] RandomLog(Random random)
    {
        var wal = new WalHarness((ulong)random.NextInt64()) { Options = Options };
        var index = 0UL;
        for (var start = random.Next(1, 4); start > 0; start--)
        {
            wal.Open();
            for (var left = random.Next(1, 4); left > 0; left--)
            {
                wal.Submit(WalHarness.Entry(1, 1, ++index, new string('E', 2 * random.Next(300))), WalHarness.HardState(random.Next(4), index, 1, index - 1));
                if (random.Next(3) == 0) wal.Submit(new WalRecord(WalRecordType.HlcCeiling, default, [index * 1000], ""), new WalRecord(WalRecordType.Truncate, new PartitionId(1), [index + 1], ""));
                if (random.Next(5) == 0) wal.Submit(new WalRecord(WalRecordType.AppliedSnapshot, new PartitionId(2), [index, 1], ""));
                wal.Scheduler.RunUntilIdle();
            }

            if (random.Next(2) == 0) wal.Log!.Stop();
        }

        return FileSet.Of(wal.Disk, WalHarness.UsualDirectory);
    }

    /// <summary>Recovers, reads every entry back, writes on, and recovers once more: what was accepted once is accepted again.</summary>
    private static Decoded Recover(ReadOnlyMemory<byte> input)
    {
        var disk = FileSet.Disk(input.Span, Directory);
        var digest = new Digest();
        var shape = "";
        for (var start = 0; start < 2; start++)
        {
            var scheduler = new SimScheduler(1);
            var replay = new ReplayDigest(digest);
            var (log, report) = WriteAheadLog.Open(disk, Directory, Options, WalHarness.Identity, scheduler, scheduler, new WalListenerLog(), replay);
            digest.Add(report.LastLsn.Value).Add(report.RecordsRead).Add(report.TornBytes);
            if (start == 0) shape = $"{report.SegmentsRead} {report.Damage?.What} {report.RecordsRead} {report.TornBytes > 0}";
            if (log is null && start > 0) throw new InvalidOperationException($"a log that was recovered is damaged afterwards: {report.Damage}");
            if (log is null) break;
            using (log)
            {
                ReadBack(log, replay, digest);
                Append(log, scheduler);
            }
        }

        return digest.Done(shape);
    }

    private static void ReadBack(WriteAheadLog log, ReplayDigest replay, Digest digest)
    {
        var data = new ArrayBufferWriter<byte>();
        foreach (var (partition, index, address) in replay.Entries)
        {
            data.ResetWrittenCount();
            try
            {
                digest.Add(log.Read(address, partition, index, data)).Add(data.WrittenSpan);
            }
            catch (CorruptionException damage)
            {
                digest.Add(damage.Offset);
            }
        }
    }

    private static void Append(WriteAheadLog log, SimScheduler scheduler)
    {
        var buffer = new WalWriteBuffer();
        buffer.AddHardState(new PartitionId(3), new HardStateRecord(new Term(5), 1, new LogIndex(1)));
        log.Submit(buffer, new WalAddress[1]);
        scheduler.RunUntilIdle();
    }

    private static Decoded Inspect(ReadOnlyMemory<byte> input)
    {
        var report = WalInspection.Inspect(FileSet.Disk(input.Span, Directory), Directory);
        var digest = new Digest().Add(report.Records).Add(report.LastLsn.Value).Add(report.TornBytes).Add($"{report.Identity}");
        foreach (var segment in report.Segments) digest.Add($"{segment}");
        foreach (var group in report.Groups) digest.Add($"{group}");
        foreach (var problem in report.Problems) digest.Add($"{problem}");
        return digest.Done($"{report.Segments.Count} {report.Groups.Count} {report.Problems.Count} {report.TornBytes > 0}");
    }

    private static byte[] RandomEntry(Random random)
    {
        var buffer = new WalWriteBuffer();
        var data = new byte[random.Next(100)];
        random.NextBytes(data);
        buffer.AddEntry(new PartitionId(1), new Term(2), new LogIndex(3), data);
        var record = buffer.Encoded.ToArray();
        WalRecordHeader.Stamp(record, new Lsn((ulong)random.Next()));
        return record;
    }

    private static Decoded ReadEntry(ReadOnlyMemory<byte> input)
    {
        var data = new ArrayBufferWriter<byte>();
        EntryReader.Copy(input.Span, new PartitionId(1), new LogIndex(3), data, "log", EntryOffset);
        return Decoded.Of(data.WrittenSpan.ToArray());
    }

    private static void Repair(Span<byte> input) => FileSet.Repair(input, (_, content) => RepairSegment(content));

    /// <summary>The header with its states, then on every page the records and the header of a batch.</summary>
    private static void RepairSegment(Span<byte> segment)
    {
        const int headerFrom = 24, batchFrom = 16;
        if (segment.Length < WalFormat.PageBytes || !SegmentHeader.TryReadVersion(segment, out _)) return;
        var states = (int)Math.Min(BinaryPrimitives.ReadUInt32LittleEndian(segment[12..]), (uint)(segment.Length - WalFormat.PageBytes));
        var incarnation = BinaryPrimitives.ReadInt64LittleEndian(segment[40..]);
        BinaryPrimitives.WriteUInt64LittleEndian(segment[16..], StableHash.Of(segment[headerFrom..(WalFormat.PageBytes + states)], incarnation));
        for (var at = WalFormat.PageBytes; at + BatchHeader.Bytes <= segment.Length; at += WalFormat.PageBytes)
        {
            var batch = segment[at..];
            var length = BinaryPrimitives.ReadUInt32LittleEndian(batch[4..]);
            if (!batch.StartsWith("KVWB"u8) || length > (uint)(batch.Length - BatchHeader.Bytes)) continue;
            batch = batch[..(BatchHeader.Bytes + (int)length)];
            RepairRecords(batch[BatchHeader.Bytes..]);
            BinaryPrimitives.WriteUInt64LittleEndian(batch[8..], StableHash.Of(batch[batchFrom..], (long)WalHarness.Identity.Incarnation));
        }
    }

    private static void RepairRecords(Span<byte> records)
    {
        while (records.Length >= WalRecordHeader.Bytes)
        {
            var length = BinaryPrimitives.ReadUInt32LittleEndian(records);
            if (length > (uint)(records.Length - WalRecordHeader.Bytes)) return;
            RepairRecord(records, WalRecordHeader.Bytes + (int)length);
            records = records[(WalRecordHeader.Bytes + (int)length)..];
        }
    }

    private static void RepairRecord(Span<byte> record, int length)
    {
        if (length < WalRecordHeader.Bytes) return;
        var checksum = Crc32C.Append(Crc32C.Of(record[..4]), record[16..length]);
        BinaryPrimitives.WriteUInt32LittleEndian(record[4..], Crc32C.Append(checksum, BinaryPrimitives.ReadUInt64LittleEndian(record[8..])));
    }

    /// <summary>Notes all that a replay tells, and where the entries stand.</summary>
    private sealed class ReplayDigest(Digest digest) : IWalReplay
    {
        public List<(PartitionId Partition, LogIndex Index, WalAddress Address)> Entries { get; } = [];

        public void OnHardState(PartitionId partition, Lsn lsn, HardStateRecord state) =>
            digest.Add(partition.Value).Add(lsn.Value).Add(state.Term.Value).Add(state.Vote).Add(state.Commit.Value);

        public void OnEntry(PartitionId partition, Term term, LogIndex index, Lsn lsn, WalAddress address, ReadOnlySpan<byte> payload)
        {
            digest.Add(partition.Value).Add(term.Value).Add(index.Value).Add(lsn.Value).Add(payload);
            Entries.Add((partition, index, address));
        }

        public void OnTruncate(PartitionId partition, Lsn lsn, LogIndex from) => digest.Add(partition.Value).Add(from.Value);

        public void OnAppliedSnapshot(PartitionId partition, Lsn lsn, LogIndex index, Term term) => digest.Add(partition.Value).Add(index.Value).Add(term.Value);

        public void OnRecord(WalRecordType type, PartitionId partition, Lsn lsn, ReadOnlySpan<byte> payload) => digest.Add((ulong)type).Add(payload);
    }
}
