using System.Buffers;
using KvStore.Core.Io;
using KvStore.Core.Primitives;

namespace KvStore.Core.Storage.Wal;

/// <summary>
/// The node's write-ahead log, which is also the Raft log of all its partitions. Any thread submits; one lane writes: everything that
/// has gathered goes out as one batch with one write and one fdatasync, while the next batch gathers.
/// A failed write or sync is final: the log reports it once and accepts nothing more.
/// </summary>
/// <remarks>
/// Submission never blocks on the disk and is not bounded here: the caller must watch <see cref="PendingBytes"/> and refuse work before it
/// is submitted. Format and recovery: docs/storage-format.md, 'Write-ahead log'.
/// </remarks>
public sealed class WriteAheadLog : IDisposable
{
    private readonly SubmissionQueue _queue;
    private readonly SegmentSet _segments;
    private readonly SegmentSupply _supply;
    private readonly Retention _retention;
    private readonly LogWriter _writer;

    internal WriteAheadLog(SubmissionQueue queue, SegmentSet segments, SegmentSupply supply, Retention retention, LogWriter writer) =>
        (_queue, _segments, _supply, _retention, _writer) = (queue, segments, supply, retention, writer);

    /// <summary>Everything up to this record survives a power cut.</summary>
    public Lsn Durable => _writer.Durable;

    /// <summary>The last record that was submitted.</summary>
    public Lsn LastSubmitted => _queue.LastSubmitted;

    /// <summary>Bytes submitted and not durable yet. The caller's measure for back-pressure.</summary>
    public long PendingBytes => _queue.PendingBytes;

    /// <summary>When the oldest batch that is not durable yet got its first record (boot-time clock, nanoseconds); 0 if nothing is pending. A node whose disk hangs must lose its leaders.</summary>
    public long OldestPendingSinceNs => _queue.OldestPendingSinceNs;

    /// <summary>Bytes of the segment files that hold the log.</summary>
    public long SizeBytes => _segments.Bytes;

    /// <summary>Bytes that can be submitted for certain without asking the file system for space: on a full disk a node takes no more.</summary>
    public long ReservedBytes
    {
        get
        {
            var ready = _supply.ReadyBytes;
            var room = _queue.RoomInSegment(out var opens);
            return opens switch
            {
                0 => room + ready,
                1 when ready > 0 => room,
                _ => 0,
            };
        }
    }

    public WalStatistics Statistics => _writer.Statistics;

    /// <summary>
    /// Opens the log in a directory, which is created if need be, and replays what it holds. One process at a time: the caller holds the
    /// directory's lock. Lanes of the log are created with <paramref name="scheduler"/>.
    /// </summary>
    /// <returns>The open log, or a report of damage with no log. Not opened means: no file was changed.</returns>
    /// <exception cref="WalRefusedException">The files belong to another node or cluster or to a newer release.</exception>
    /// <exception cref="DiskException">The disk failed.</exception>
    public static WalRecovery Open(
        IFileSystem fileSystem, string directory, WalOptions options, WalIdentity identity, IClock clock, IScheduler scheduler,
        IWalListener listener, IWalReplay replay) =>
        new LogRecovery(fileSystem, directory, options, identity).Open(clock, scheduler, listener, replay);

    /// <summary>
    /// Takes over the records of a buffer, which is empty afterwards. They become durable together or not at all, in the order of
    /// submission. Any thread. Nothing is allocated.
    /// </summary>
    /// <param name="buffer">The caller's.</param>
    /// <param name="addresses">Filled with where each record can be read back, from now on; at least as long as the buffer has records.</param>
    /// <returns>The LSN of the last record: durable when <see cref="Durable"/> reaches it.</returns>
    /// <exception cref="WalFailedException">A write or sync has failed before.</exception>
    /// <exception cref="ObjectDisposedException">The log was stopped.</exception>
    public Lsn Submit(WalWriteBuffer buffer, Span<WalAddress> addresses)
    {
        ArgumentNullException.ThrowIfNull(buffer);
        var last = _queue.Submit(buffer, addresses, out var wake);
        buffer.Clear();
        if (wake) _writer.Wake();
        return last;
    }

    /// <summary>Appends the data of an entry to <paramref name="destination"/>. Any thread; reads the disk unless the entry is still pending.</summary>
    /// <returns>The size of the data, or -1 if its segment has been recycled.</returns>
    /// <exception cref="CorruptionException">What stands there is not this entry, or is damaged.</exception>
    public int Read(WalAddress address, PartitionId expectedPartition, LogIndex expectedIndex, IBufferWriter<byte> destination)
    {
        ArgumentNullException.ThrowIfNull(destination);
        // A batch leaves the queue only after it has become readable, so an address that is in neither was never given out.
        if (address.Value >= _writer.ReadableEnd && _queue.TryRead(address, expectedPartition, expectedIndex, destination, out var size)) return size;
        if (address.Value >= _writer.ReadableEnd) throw new ArgumentException($"{address} is no address of this log", nameof(address));
        if (_segments.Find(address.Segment) is not { } segment || !segment.TryEnter()) return -1;
        try
        {
            return EntryReader.Read(segment.File, address.Offset, expectedPartition, expectedIndex, destination);
        }
        finally
        {
            segment.Leave();
        }
    }

    /// <summary>The synced tables hold the partition's state up to <paramref name="through"/>: recovery does not need these entries. Any thread.</summary>
    public void SetApplied(PartitionId partition, LogIndex through)
    {
        _retention.SetApplied(partition, through);
        _writer.RequestRecycling();
    }

    /// <summary>Keeps the partition's entries from <paramref name="from"/> on, over the budget if need be, while a snapshot streams to a follower; null ends it. Any thread.</summary>
    public void SetWanted(PartitionId partition, LogIndex? from)
    {
        _retention.SetWanted(partition, from);
        if (from is null) _writer.RequestRecycling();
    }

    /// <summary>Writes what was submitted, notes that all of it is durable, and ends the lanes. Later submissions throw; reads still work.</summary>
    public void Stop()
    {
        _writer.Stop();
        _supply.Dispose();
    }

    /// <summary>As <see cref="Stop"/>, and closes the files.</summary>
    public void Dispose()
    {
        Stop();
        _segments.Close();
    }
}
