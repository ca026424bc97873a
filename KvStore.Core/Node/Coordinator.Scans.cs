using System.Buffers.Binary;
using KvStore.Core.Primitives;
using KvStore.Core.Ring;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;

namespace KvStore.Core.Node;

/// <summary>Scans: a page assigns every partition to one replica; every node merges its partitions; this node merges the nodes.</summary>
public sealed partial class Coordinator
{
    private const int CursorHeadSize = 8;

    private void OnScan(in ClientRequest request)
    {
        var scan = ScanRequest.Decode(request.Body);
        if (scan.Check(out var message) is var error && error != KvError.None)
        {
            Refuse(request, error, message);
            return;
        }

        if (request.Forwarded)
        {
            NodeScan.Start(this, request, scan, PartitionSet.Read(scan.Cursor.Span, _topology.PartitionCount));
            return;
        }

        if (!TryResume(scan, out var start))
        {
            Refuse(request, KvError.InvalidRequest, "the cursor does not belong to this scan: keep its options, or start again without it");
            return;
        }

        var range = ScanRange.Of(scan, start);
        var shares = Assign(scan, out var orphan);
        if (orphan is { } partition)
        {
            var code = scan.Consistency == ReadConsistency.Quorum ? KvError.NoQuorum : KvError.Unavailable;
            Refuse(request, code, $"partition {partition} has no node that can answer now, and a page leaves nothing out");
        }
        else PagedScan.Start(this, request, scan, range, shares);
    }

    /// <summary>A cursor is a fingerprint of the options and the last key: it names no node and no partition, so it outlives both.</summary>
    internal static byte[] CursorAfter(ScanRequest scan, ReadOnlySpan<byte> lastKey)
    {
        var cursor = new byte[CursorHeadSize + lastKey.Length];
        BinaryPrimitives.WriteUInt64LittleEndian(cursor, FingerprintOf(scan));
        lastKey.CopyTo(cursor.AsSpan(CursorHeadSize));
        return cursor;
    }

    private static bool TryResume(ScanRequest scan, out byte[] start)
    {
        start = [];
        var cursor = scan.Cursor.Span;
        if (cursor.IsEmpty) return true;
        if (cursor.Length < CursorHeadSize || BinaryPrimitives.ReadUInt64LittleEndian(cursor) != FingerprintOf(scan)) return false;
        start = [.. cursor[CursorHeadSize..], 0];
        return true;
    }

    private static ulong FingerprintOf(ScanRequest scan)
    {
        var bytes = new ByteBuffer();
        (scan with { Cursor = default, LimitRecords = 1, LimitBytes = 1 }).Encode(bytes);
        return StableHash.Of(bytes.Written);
    }

    private Dictionary<NodeId, PartitionSet> Assign(ScanRequest scan, out PartitionId? orphan)
    {
        orphan = null;
        var shares = new Dictionary<NodeId, PartitionSet>();
        var prefix = scan.Prefix.Span;
        var only = KeyHash.TagOf(prefix).Length < prefix.Length ? _topology.PartitionOf(prefix) : (PartitionId?)null;
        for (var i = 0; i < _topology.PartitionCount; i++)
        {
            var partition = new PartitionId((ushort)i);
            if (only is { } single && single != partition) continue;
            var node = scan.Consistency == ReadConsistency.Quorum ? _heartbeats.LeaderHint(partition) : Reads.NearestHolder(partition);
            if (node.IsNone)
            {
                orphan = partition;
                return shares;
            }

            if (!shares.TryGetValue(node, out var share)) shares[node] = share = new PartitionSet(_topology.PartitionCount);
            share.Add(partition);
        }

        return shares;
    }
}

/// <summary>A set of partitions as a bit map; between nodes it travels in the cursor field of a scan request.</summary>
internal sealed class PartitionSet(int partitionCount)
{
    private readonly byte[] _bits = new byte[partitionCount / 8];

    public ReadOnlyMemory<byte> Bits => _bits;

    public int Count { get; private set; }

    public void Add(PartitionId partition)
    {
        if (Contains(partition)) return;
        _bits[partition.Value / 8] |= (byte)(1 << (partition.Value % 8));
        Count++;
    }

    public bool Contains(PartitionId partition) => (_bits[partition.Value / 8] & (1 << (partition.Value % 8))) != 0;

    /// <exception cref="WireException">Of another length than the partitions need.</exception>
    public static PartitionSet Read(ReadOnlySpan<byte> bits, int partitionCount)
    {
        if (bits.Length != partitionCount / 8) throw new WireException(WireError.Malformed, "a share of a scan without its partitions");
        var set = new PartitionSet(partitionCount);
        for (var i = 0; i < partitionCount; i++)
            if ((bits[i / 8] & (1 << (i % 8))) != 0) set.Add(new PartitionId((ushort)i));
        return set;
    }

    public IEnumerable<PartitionId> Members()
    {
        for (var i = 0; i < _bits.Length * 8; i++)
            if (Contains(new PartitionId((ushort)i))) yield return new PartitionId((ushort)i);
    }
}

/// <summary>The keys a page may hold: from <paramref name="Start"/>, up to but not including <paramref name="End"/> (empty = no end).</summary>
internal readonly record struct ScanRange(byte[] Start, byte[] End)
{
    public static ScanRange Of(ScanRequest scan, ReadOnlySpan<byte> resume)
    {
        var start = Later(Later(scan.Prefix.Span, scan.Start.Span), resume).ToArray();
        var end = scan.End.ToArray();
        var prefixEnd = SuccessorOf(scan.Prefix.Span);
        if (prefixEnd.Length > 0 && (end.Length == 0 || end.AsSpan().SequenceCompareTo(prefixEnd) > 0)) end = prefixEnd;
        return new ScanRange(start, end);
    }

    private static ReadOnlySpan<byte> Later(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b) => a.SequenceCompareTo(b) >= 0 ? a : b;

    /// <summary>The smallest key that is greater than every key with the prefix; empty when there is none.</summary>
    private static byte[] SuccessorOf(ReadOnlySpan<byte> prefix)
    {
        var length = prefix.Length;
        while (length > 0 && prefix[length - 1] == 0xff) length--;
        if (length == 0) return [];
        var successor = prefix[..length].ToArray();
        successor[^1]++;
        return successor;
    }
}
