using KvStore.Core.Primitives;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;

namespace KvStore.Core.Node;

/// <summary>One page of a scan: the shares of all nodes, merged in key order when the last one is there. A share that fails fails the page.</summary>
internal sealed class PagedScan : IReplySink
{
    private readonly Coordinator _coordinator;
    private readonly IReplySink _sink;
    private readonly ulong _requestId;
    private readonly ScanRequest _scan;
    private readonly long _startedNs;
    private readonly ScanPage?[] _shares;
    private ErrorReply? _error;
    private int _left;

    private PagedScan(Coordinator coordinator, in ClientRequest request, ScanRequest scan, int shares)
    {
        _coordinator = coordinator;
        _sink = request.Sink;
        _requestId = request.Id;
        _scan = scan;
        _startedNs = coordinator.NowNs;
        _shares = new ScanPage?[shares];
        _left = shares;
    }

    public static void Start(Coordinator coordinator, in ClientRequest request, ScanRequest scan, ScanRange range, Dictionary<NodeId, PartitionSet> shares)
    {
        var page = new PagedScan(coordinator, request, scan, shares.Count);
        var body = coordinator.RentBuffer();
        var position = 0UL;
        foreach (var (node, partitions) in shares)
        {
            body.Clear();
            (scan with { Prefix = default, Start = range.Start, End = range.End, Cursor = partitions.Bits }).Encode(body);
            coordinator.Route(new AskedNode(
                coordinator,
                new ClientRequest { Type = FrameType.Scan, Id = position++, DeadlineNs = request.DeadlineNs, Body = body.Written, Sink = page },
                node));
        }

        coordinator.ReturnBuffer(body);
    }

    /// <summary>One node's share; the request id is its position.</summary>
    public void Reply(ulong requestId, FrameType type, ReadOnlySpan<byte> body)
    {
        // A share that was cut short says where by its last key.
        if (type == FrameType.ScanReply && Replies.TryRead(body, ScanReply.Decode, out var share) && (!share.More || share.Records.Count > 0)) _shares[requestId] = share;
        else Interlocked.CompareExchange(ref _error, Replies.ErrorOf(type, body), null);
        if (Interlocked.Decrement(ref _left) > 0) return;
        var buffer = _coordinator.RentBuffer();
        if (_error is null) ScanReply.Encode(buffer, Merge());
        else _error.Encode(buffer);
        _sink.Reply(_requestId, _error is null ? FrameType.ScanReply : FrameType.Error, buffer.Written);
        _coordinator.ReturnBuffer(buffer);
        _coordinator.Observe(RequestKind.Scan, _scan.Consistency == ReadConsistency.Quorum, _error?.Code ?? KvError.None, Outcome.None, _startedNs);
    }

    /// <summary>Beyond the last key of a share that was cut short nothing is known, so the page ends there at the latest.</summary>
    private ScanPage Merge()
    {
        var shares = _shares.Select(s => s!).ToArray();
        var limit = shares.Where(s => s.More).Select(s => s.Records[^1].Key).Aggregate(
            (ReadOnlyMemory<byte>?)null, (least, key) => least is { } l && l.Span.SequenceCompareTo(key.Span) <= 0 ? l : key);
        var records = shares.SelectMany(s => s.Records).ToList();
        records.Sort((a, b) => a.Key.Span.SequenceCompareTo(b.Key.Span));
        var more = limit is not null;
        long bytes = 0;
        var count = 0;
        foreach (var record in records)
        {
            bytes += record.Key.Length + record.Value.Length;
            var beyond = limit is { } last && record.Key.Span.SequenceCompareTo(last.Span) > 0;
            if (beyond || (count > 0 && (count >= _scan.LimitRecords || bytes > _scan.LimitBytes)))
            {
                more = true;
                break;
            }

            count++;
        }

        return new ScanPage
        {
            Records = records.GetRange(0, count),
            More = more,
            Achieved = _scan.Consistency,
            Detached = shares.Any(s => s.Detached),
            StalenessMs = shares.Any(s => s.StalenessMs is null) ? null : shares.Select(s => s.StalenessMs!.Value).DefaultIfEmpty().Max(),
            Served = shares.SelectMany(s => s.Served).ToArray(),
            Cursor = more && count > 0 ? Coordinator.CursorAfter(_scan, records[count - 1].Key.Span) : default(ReadOnlyMemory<byte>),
        };
    }
}
