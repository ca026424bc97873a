using KvStore.Core.Io;
using KvStore.Core.Primitives;

namespace KvStore.Core.Storage.Wal;

/// <summary>Puts batches on the disk: one write and one sync each, and a new segment when submission has planned one. Used on the writer's lane only.</summary>
internal sealed class SegmentWriter(
    IFileSystem fileSystem, string directory, WalIdentity identity, ulong epoch, SegmentSet segments, SegmentSupply supply, GroupTable groups, Lsn durable)
{
    private Lsn _marked = durable;

    /// <summary>The end of the last synced batch, which is where the segment ends if the next batch opens another. A mark behind it is not part of the log.</summary>
    public int End { get; set; }

    /// <summary>Segments opened since the log was opened.</summary>
    public long SegmentsOpened { get; private set; }

    /// <summary>Returns when the batch survives a power cut.</summary>
    /// <param name="durableBefore">The last LSN that is durable already.</param>
    public void Write(Batch batch, Lsn durableBefore)
    {
        if (batch.Opens is { } plan) OpenSegment(plan, durableBefore);
        var file = segments.Newest.File;
        file.Write(batch.Offset, batch.Seal(epoch, durableBefore, identity.Incarnation));
        file.DataSync();
        End = batch.Offset + batch.PaddedLength;
    }

    /// <summary>Whether the log does not say yet that it is durable up to here.</summary>
    public bool NeedsMark(Lsn through) => through > _marked;

    /// <summary>Writes a batch without records, only for what its header says of durability.</summary>
    public void WriteMark(int offset, Lsn nextLsn, Lsn through, bool sync)
    {
        var page = new byte[WalFormat.PageBytes];
        new BatchHeader(segments.Newest.Number, epoch, nextLsn, through, 0, offset / WalFormat.PageBytes, 0).Write(page.AsSpan(0, BatchHeader.Bytes), identity.Incarnation);
        segments.Newest.File.Write(offset, page);
        if (sync) segments.Newest.File.DataSync();
        _marked = through;
    }

    /// <summary>The segment gets its name when its header is durable, and the name is durable before anything is written behind the header.</summary>
    private void OpenSegment(SegmentPlan plan, Lsn through)
    {
        var path = supply.Take(plan.SegmentBytes);
        var head = new byte[plan.FirstBatchOffset];
        groups.Write(head.AsSpan(WalFormat.PageBytes));
        var header = new SegmentHeader(
            identity, plan.Number, epoch, new Lsn(through.Value + 1), through, segments.Newest.Number, End,
            groups.HlcCeiling, plan.SegmentBytes, plan.FirstBatchOffset, groups.EncodedBytes);
        header.Write(head.AsSpan(0, WalFormat.PageBytes + groups.EncodedBytes));
        using (var file = fileSystem.Open(path, FileOpenMode.ReadWrite))
        {
            file.Write(0, head);
            file.DataSync();
        }

        var finalPath = Path.Combine(directory, WalFormat.SegmentName(plan.Number));
        fileSystem.Rename(path, finalPath);
        fileSystem.SyncDirectory(directory);
        segments.Add(new Segment(plan.Number, fileSystem.Open(finalPath, FileOpenMode.ReadWrite), plan.SegmentBytes));
        _marked = through;
        SegmentsOpened++;
        supply.Replenish();
    }
}
