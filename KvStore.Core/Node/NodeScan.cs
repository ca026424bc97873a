using KvStore.Core.Io;
using KvStore.Core.Primitives;
using KvStore.Core.Storage;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;

namespace KvStore.Core.Node;

/// <summary>One node's share of a scan page: its partitions merged in key order. With quorum, every partition is confirmed at its primary first.</summary>
internal sealed class NodeScan : IBarrierCompletion
{
    private readonly Coordinator _coordinator;
    private readonly IReplySink _sink;
    private readonly ulong _requestId;
    private readonly ScanRequest _scan;
    private readonly PartitionSet _partitions;
    private int _left;
    private int _failed;

    private NodeScan(Coordinator coordinator, in ClientRequest request, ScanRequest scan, PartitionSet partitions)
    {
        _coordinator = coordinator;
        _sink = request.Sink;
        _requestId = request.Id;
        _scan = scan;
        _partitions = partitions;
        _left = partitions.Count;
    }

    public static void Start(Coordinator coordinator, in ClientRequest request, ScanRequest scan, PartitionSet partitions)
    {
        var share = new NodeScan(coordinator, request, scan, partitions);
        foreach (var partition in partitions.Members())
        {
            if (coordinator.Reads.Holds(partition)) continue;
            share.Fail(KvError.NotLeader, $"this node does not hold partition {partition}");
            return;
        }

        if (scan.Consistency == ReadConsistency.Local)
        {
            // Not here: it may be many reads of a disk, and this thread serves connections and shards.
            coordinator.Schedule(share.Run);
            return;
        }

        foreach (var partition in partitions.Members())
        {
            var barrier = new ReadBarrier { Partition = partition, DeadlineNs = request.DeadlineNs, Completion = share };
            if (!coordinator.ShardOf(partition).TryPostRead(barrier)) share.OnBarrier(partition, BarrierVerdict.Expired, default);
        }
    }

    public void OnBarrier(PartitionId partition, BarrierVerdict verdict, NodeId leader)
    {
        if (verdict != BarrierVerdict.Ready) Interlocked.CompareExchange(ref _failed, verdict == BarrierVerdict.NotPrimary ? 1 : 2, 0);
        if (Interlocked.Decrement(ref _left) > 0) return;
        if (_failed == 0) _coordinator.Schedule(Run);
        else if (_failed == 1) Fail(KvError.NoQuorum, "a partition's primary changed during the scan");
        else Fail(KvError.DeadlineExceeded, "a partition's primary was not confirmed in time");
    }

    private void Run()
    {
        try
        {
            ReplyWithRecords();
        }
        catch (IOException damage) when (damage is CorruptionException or DiskException)
        {
            Fail(KvError.Internal, damage.Message);
        }
    }

    private void ReplyWithRecords()
    {
        var local = _scan.Consistency == ReadConsistency.Local;
        var end = _scan.End.Span;
        using var merge = new ScanMerge();
        var served = new List<(PartitionId Partition, long BaseNs)>();
        foreach (var partition in _partitions.Members())
        {
            served.Add((partition, _coordinator.Reads.BaseNs(partition)));
            merge.Add(_coordinator.Reads.Store(partition).OpenScan(_scan.Start.Span, end, local));
        }

        var buffer = _coordinator.RentBuffer();
        var writer = new WireWriter(buffer);
        var (more, _) = AppendRecords(ref writer, merge);
        ScanReply.End(ref writer, Summary(more, served));
        writer.Complete();
        if (_coordinator.IsStopping) Fail(KvError.ShuttingDown, "this node is stopping");
        else _sink.Reply(_requestId, FrameType.ScanReply, buffer.Written);
        _coordinator.ReturnBuffer(buffer);
    }

    private (bool More, int Records) AppendRecords(ref WireWriter writer, ScanMerge merge)
    {
        var records = 0;
        long bytes = 0;
        while (merge.MoveNext())
        {
            var info = merge.Info;
            if (!StateMachine.IsLive(info, _coordinator.Reads.ExpiryNowMs(merge.LogTime))) continue;
            var value = _scan.KeysOnly ? default : merge.Value;
            bytes += merge.Key.Length + value.Length;
            if (records > 0 && (records >= _scan.LimitRecords || bytes > _scan.LimitBytes)) return (true, records);
            ScanReply.AppendRecord(ref writer, merge.Key, value, info.Revision.ToWire(), info.ExpiresAtMs == 0 ? null : (ulong)info.ExpiresAtMs);
            records++;
        }

        return (false, records);
    }

    private ScanPage Summary(bool more, List<(PartitionId Partition, long BaseNs)> served)
    {
        long? oldest = 0;
        var detached = false;
        foreach (var (partition, baseNs) in served)
        {
            var origin = _coordinator.Reads.Origin(partition, baseNs);
            oldest = oldest is null || origin.BoundMs is null ? null : Math.Max(oldest.Value, origin.BoundMs.Value);
            detached |= origin.Detached;
        }

        var quorum = _scan.Consistency == ReadConsistency.Quorum;
        return new ScanPage
        {
            Records = [],
            More = more,
            Achieved = _scan.Consistency,
            Detached = detached && !quorum,
            StalenessMs = quorum ? 0 : (ulong?)oldest,
            Served = [new ScanServer(_coordinator.Self.Value, (ushort)served.Count)],
        };
    }

    private void Fail(KvError code, string message)
    {
        var buffer = _coordinator.RentBuffer();
        Replies.Refusal(code, message, isWrite: false).Encode(buffer);
        _sink.Reply(_requestId, FrameType.Error, buffer.Written);
        _coordinator.ReturnBuffer(buffer);
    }
}

/// <summary>Merges scans of different partitions, whose keys are disjoint, in key order: a binary heap of their current keys.</summary>
internal sealed class ScanMerge : IDisposable
{
    private readonly List<PartitionScan> _all = [];
    private readonly List<PartitionScan> _heap = [];
    private bool _started;

    public ReadOnlySpan<byte> Key => _heap[0].Key;

    public ReadOnlySpan<byte> Value => _heap[0].Value;

    public RecordInfo Info => _heap[0].Info;

    public ulong LogTime => _heap[0].LogTime;

    /// <summary>Takes over a scan that has not been moved.</summary>
    public void Add(PartitionScan scan)
    {
        _all.Add(scan);
        if (!scan.MoveNext()) return;
        _heap.Add(scan);
        for (var child = _heap.Count - 1; child > 0 && IsLess(child, (child - 1) / 2); child = (child - 1) / 2) Swap(child, (child - 1) / 2);
    }

    public bool MoveNext()
    {
        if (_heap.Count == 0) return false;
        if (!_started)
        {
            _started = true;
            return true;
        }

        if (!_heap[0].MoveNext())
        {
            _heap[0] = _heap[^1];
            _heap.RemoveAt(_heap.Count - 1);
        }

        SiftDown();
        return _heap.Count > 0;
    }

    public void Dispose()
    {
        foreach (var scan in _all) scan.Dispose();
    }

    private void SiftDown()
    {
        var parent = 0;
        while (true)
        {
            var least = parent;
            for (var child = (2 * parent) + 1; child <= (2 * parent) + 2 && child < _heap.Count; child++)
                if (IsLess(child, least)) least = child;
            if (least == parent) return;
            Swap(parent, least);
            parent = least;
        }
    }

    private bool IsLess(int a, int b) => _heap[a].Key.SequenceCompareTo(_heap[b].Key) < 0;

    private void Swap(int a, int b) => (_heap[a], _heap[b]) = (_heap[b], _heap[a]);
}
