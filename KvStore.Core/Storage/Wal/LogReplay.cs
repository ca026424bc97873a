using KvStore.Core.Primitives;

namespace KvStore.Core.Storage.Wal;

/// <summary>Feeds the batches that a <see cref="LogScan"/> found to the node, to the table of groups and to the set of segments, in order.</summary>
internal sealed class LogReplay(LogScan scan, SegmentScanner scanner, IWalReplay target, GroupTable groups, SegmentSet segments)
{
    private Lsn _next = scan.Segments.Count > 0 ? scan.Segments[0].Header.FirstLsn : scan.Next;

    public long Records { get; private set; }

    /// <summary>
    /// Where the part of the newest segment ends that is known to be durable. Marks behind the last batch with records do not count:
    /// they are not synced, and a power cut may yet take them.
    /// </summary>
    public int DurableEnd { get; private set; }

    /// <summary>
    /// Replays all that the log says is durable, and returns the batches behind it, as (offset, length) in the newest segment: they may
    /// never have left the page cache and must be written again. Stops when damage is found, which is noted in the scan.
    /// </summary>
    public List<(int Offset, int Length)> ReplayDurable()
    {
        var tail = new List<(int, int)>();
        foreach (var segment in scan.Segments)
        {
            if (!StartSegment(segment)) break;
            scanner.Open(segment.File);
            var offset = segment.Header.FirstBatchOffset;
            DurableEnd = offset;
            while (offset < segment.End && scanner.TryReadBatch(segment.Header, offset, out var header, out var batch) && header.FirstLsn == _next)
            {
                if (header.Records > 0 && header.LastLsn > scan.KnownDurable)
                {
                    if (!IsWellFormed(batch, header)) break;
                    tail.Add((offset, header.TotalBytes));
                }
                else if (!Replay(batch, header, segment.Header.Number, offset)) break;
                _next = new Lsn(header.LastLsn.Value + 1);
                offset += WalFormat.AlignUp(header.TotalBytes);
                if (header.Records > 0 && tail.Count == 0) DurableEnd = offset;
            }

            if (offset == segment.End) continue;
            scan.SetDamage(segment.File, offset, _next, "a batch is missing or its checksum is wrong");
            break;
        }

        return tail;
    }

    /// <summary>Replays one batch that stands at an offset of the newest segment of the set. False if its records are not what its header says.</summary>
    public bool Replay(ReadOnlySpan<byte> batch, in BatchHeader header, ulong segment, int offset)
    {
        var records = new RecordEnumerator(batch[BatchHeader.Bytes..]);
        var count = 0;
        while (records.MoveNext())
        {
            var record = records.Header;
            if (!Belongs(record, header, count)) return false;
            Deliver(record, records.Payload, new WalAddress(segment, offset + BatchHeader.Bytes + records.Offset));
            groups.Apply(record, records.Payload);
            segments.Note(record, records.Payload);
            count++;
        }

        Records += count;
        return count == header.Records && records.IsComplete;
    }

    /// <summary>Whether the records of a batch that is to be replayed later are what its header says.</summary>
    private static bool IsWellFormed(ReadOnlySpan<byte> batch, in BatchHeader header)
    {
        var records = new RecordEnumerator(batch[BatchHeader.Bytes..]);
        var count = 0;
        while (records.MoveNext())
            if (!Belongs(records.Header, header, count++)) return false;
        return count == header.Records && records.IsComplete;
    }

    private static bool Belongs(in RecordHeader record, in BatchHeader batch, int ordinal) =>
        record.Lsn.Value == batch.FirstLsn.Value + (ulong)ordinal && record.PayloadBytes >= RecordPayload.MinimumBytes(record.Type);

    private void Deliver(in RecordHeader record, ReadOnlySpan<byte> payload, WalAddress address)
    {
        switch (record.Type)
        {
            case WalRecordType.Entry:
                var term = new Term(RecordPayload.Number(payload, 0));
                target.OnEntry(record.Partition, term, RecordPayload.EntryIndex(payload), record.Lsn, address, payload[RecordHeader.EntryPrefixBytes..]);
                break;
            case WalRecordType.HardState:
                target.OnHardState(record.Partition, record.Lsn, RecordPayload.HardState(payload));
                break;
            case WalRecordType.Truncate:
                target.OnTruncate(record.Partition, record.Lsn, new LogIndex(RecordPayload.Number(payload, 0)));
                break;
            case WalRecordType.AppliedSnapshot:
                target.OnAppliedSnapshot(record.Partition, record.Lsn, new LogIndex(RecordPayload.Number(payload, 0)), new Term(RecordPayload.Number(payload, 1)));
                break;
            default:
                target.OnRecord(record.Type, record.Partition, record.Lsn, payload);
                break;
        }
    }

    /// <summary>The oldest segment's states are where the replay starts; every later segment's must be what the replay has come to.</summary>
    private bool StartSegment(ScannedSegment segment)
    {
        var header = segment.Header;
        if (segments.Count == 0) Seed(segment);
        else if (header.FirstLsn != _next || header.HlcCeiling != groups.HlcCeiling || !groups.States().AsSpan().SequenceEqual(segment.Groups))
        {
            scan.SetDamage(segment.File, 0, _next, "the segment does not start where the one before it ends");
            return false;
        }

        segments.Add(new Segment(header.Number, segment.File, (int)segment.File.Length));
        return true;
    }

    private void Seed(ScannedSegment segment)
    {
        var before = new Lsn(segment.Header.FirstLsn.Value - 1);
        foreach (var group in segment.Groups)
        {
            groups.Set(group);
            target.OnHardState(group.Partition, before, group.HardState);
        }

        groups.HlcCeiling = segment.Header.HlcCeiling;
        if (groups.HlcCeiling == 0) return;
        Span<byte> ceiling = stackalloc byte[sizeof(ulong)];
        RecordPayload.SetNumber(ceiling, 0, groups.HlcCeiling);
        target.OnRecord(WalRecordType.HlcCeiling, default, before, ceiling);
    }
}
