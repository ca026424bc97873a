using KvStore.Protocol.Wire;

namespace KvStore.Protocol.Messages;

/// <summary>Up to four node ids by value, in the order in which they were added; 0 is no node. On the wire: u8 count, then u16 each.</summary>
public readonly record struct NodeList(ulong Packed)
{
    public const int Capacity = 4;

    public int Count
    {
        get
        {
            var count = 0;
            while (count < Capacity && this[count] != 0) count++;
            return count;
        }
    }

    public ushort this[int position] => (ushort)(Packed >> (position * 16));

    /// <summary>The list with one more node; unchanged when it is full.</summary>
    public NodeList With(ushort node)
    {
        var count = Count;
        return count == Capacity || node == 0 ? this : new NodeList(Packed | ((ulong)node << (count * 16)));
    }

    public ushort[] ToArray()
    {
        var nodes = new ushort[Count];
        for (var i = 0; i < nodes.Length; i++) nodes[i] = this[i];
        return nodes;
    }

    public override string ToString() => string.Join(',', ToArray().Select(node => $"n{node}"));

    internal static NodeList Read(ref WireReader reader)
    {
        var count = reader.ReadUInt8();
        if (count > Capacity) throw new WireException(WireError.Malformed, $"{count} nodes are more than {Capacity}");
        var list = default(NodeList);
        for (var i = 0; i < count; i++) list = list.With(reader.ReadUInt16());
        return list;
    }

    internal void Write(ref WireWriter writer)
    {
        var count = Count;
        writer.UInt8((byte)count);
        for (var i = 0; i < count; i++) writer.UInt16(this[i]);
    }
}
