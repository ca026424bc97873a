using System.Buffers.Binary;
using KvStore.Core.Primitives;

namespace KvStore.Core.Ring;

/// <summary>
/// Consistent hashing (Karger et al., 1997): every member owns 256 points of the 64-bit circle per unit of its weight.
/// Immutable; the same for the same members in any order.
/// </summary>
public sealed class HashRing
{
    public const int VirtualNodesPerWeight = 256;

    private readonly NodeId[] _nodes;
    private readonly ulong[] _positions;
    private readonly ushort[] _owners; // index into _nodes, parallel to _positions

    public HashRing(IEnumerable<ClusterMember> members)
    {
        var ordered = members.OrderBy(m => m.Id).ToArray();
        _nodes = Array.ConvertAll(ordered, m => m.Id);
        var points = new List<(ulong Position, ushort Owner)>();
        for (var owner = 0; owner < ordered.Length; owner++)
        {
            for (var number = 0; number < ordered[owner].Weight * VirtualNodesPerWeight; number++)
                points.Add((PositionOf(_nodes[owner], number), (ushort)owner));
        }

        points.Sort(); // by position, then owner: two members may share a point, the order must not depend on the sort
        _positions = points.ConvertAll(p => p.Position).ToArray();
        _owners = points.ConvertAll(p => p.Owner).ToArray();
    }

    public int NodeCount => _nodes.Length;

    /// <summary>
    /// Where a virtual node stands: XXH3-64 (seed 0) of eight bytes, the node id and the virtual node's number (from 0),
    /// each as a little-endian u32.
    /// </summary>
    public static ulong PositionOf(NodeId node, int virtualNode)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, node.Value);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[4..], (uint)virtualNode);
        return StableHash.Of(bytes);
    }

    /// <summary>
    /// Fills <paramref name="destination"/> with the first distinct nodes at or clockwise of <paramref name="position"/>.
    /// Returns how many there were: fewer than asked for only when the ring has fewer.
    /// </summary>
    public int Walk(ulong position, Span<NodeId> destination)
    {
        if (_positions.Length == 0) return 0;
        Span<bool> seen = stackalloc bool[_nodes.Length];
        var wanted = Math.Min(destination.Length, _nodes.Length);
        var found = 0;
        var at = Array.BinarySearch(_positions, position);
        if (at < 0) at = ~at;
        while (at > 0 && at <= _positions.Length - 1 && _positions[at - 1] == position) at--;
        for (; found < wanted; at++)
        {
            if (at == _positions.Length) at = 0;
            var owner = _owners[at];
            if (seen[owner]) continue;
            seen[owner] = true;
            destination[found++] = _nodes[owner];
        }

        return found;
    }
}
