using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using KvStore.Core.Primitives;

namespace KvStore.Core.Storage.Wal;

/// <summary>
/// The segments of the log, oldest first, and who needs them. Changed only on the writer's lane (or while opening);
/// <see cref="Find"/> may be called from any thread.
/// </summary>
internal sealed class SegmentSet
{
    private volatile Segment[] _segments = [];
    private long _bytes;

    public Segment Oldest => _segments[0];

    public Segment Newest => _segments[^1];

    public int Count => _segments.Length;

    public long Bytes => Volatile.Read(ref _bytes);

    public void Add(Segment segment)
    {
        _segments = [.. _segments, segment];
        Volatile.Write(ref _bytes, _bytes + segment.Bytes);
    }

    /// <summary>The segment's file was cut. Only while the log is being opened.</summary>
    public void Shrink(ulong number, int bytes)
    {
        var segment = Find(number)!;
        Volatile.Write(ref _bytes, _bytes - segment.Bytes + bytes);
        segment.Shrink(bytes);
    }

    public Segment RemoveOldest()
    {
        var oldest = Oldest;
        _segments = _segments[1..];
        Volatile.Write(ref _bytes, _bytes - oldest.Bytes);
        return oldest;
    }

    /// <summary>Null if the log has no segment of this number (any more).</summary>
    public Segment? Find(ulong number)
    {
        foreach (var segment in _segments)
            if (segment.Number == number) return segment;
        return null;
    }

    /// <summary>Notes that a record stands in the newest segment, and whom it releases in all.</summary>
    public void Note(in RecordHeader record, ReadOnlySpan<byte> payload)
    {
        switch (record.Type)
        {
            case WalRecordType.Entry:
                NoteEntry(record.Partition, RecordPayload.EntryIndex(payload));
                break;
            case WalRecordType.DetachedWrite:
                ref var use = ref CollectionsMarshal.GetValueRefOrAddDefault(Newest.Uses, record.Partition, out _);
                use = use with { LastDetached = record.Lsn };
                break;
            case WalRecordType.Truncate:
                CutEntries(record.Partition, new LogIndex(RecordPayload.Number(payload, 0) - 1));
                break;
            case WalRecordType.AppliedSnapshot:
                CutEntries(record.Partition, LogIndex.Zero);
                break;
            case WalRecordType.DetachedRelease:
                ReleaseDetached(record.Partition, new Lsn(RecordPayload.Number(payload, 0)));
                break;
            case WalRecordType.PartitionDropped:
                foreach (var segment in _segments) segment.Uses.Remove(record.Partition);
                break;
        }
    }

    /// <summary>Closes the files. The lanes must have ended.</summary>
    public void Close()
    {
        foreach (var segment in _segments) segment.Dispose();
        _segments = [];
    }

    private void NoteEntry(PartitionId partition, LogIndex index)
    {
        ref var use = ref CollectionsMarshal.GetValueRefOrAddDefault(Newest.Uses, partition, out _);
        use = use with { LastEntry = LogIndex.Max(use.LastEntry, index) };
    }

    private void CutEntries(PartitionId partition, LogIndex last)
    {
        foreach (var segment in _segments)
        {
            ref var use = ref CollectionsMarshal.GetValueRefOrNullRef(segment.Uses, partition);
            if (!Unsafe.IsNullRef(ref use)) use = use with { LastEntry = LogIndex.Min(use.LastEntry, last) };
        }
    }

    private void ReleaseDetached(PartitionId partition, Lsn through)
    {
        foreach (var segment in _segments)
        {
            ref var use = ref CollectionsMarshal.GetValueRefOrNullRef(segment.Uses, partition);
            if (!Unsafe.IsNullRef(ref use) && use.LastDetached <= through) use = use with { LastDetached = Lsn.Zero };
        }
    }
}
