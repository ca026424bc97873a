using System.Globalization;
using KvStore.Protocol.Messages;

namespace KvStore.Daemon.Ctl.Documents;

/// <summary>What to call the nodes: by the names of the topology, else n1, n2 ... by their numbers.</summary>
internal sealed class NodeNames
{
    public static readonly NodeNames Numbers = new([]);

    private readonly Dictionary<ushort, string> _names = [];

    public NodeNames(IEnumerable<TopologyMember> members)
    {
        foreach (var member in members)
        {
            if (member.Name.Length > 0) _names[member.Node] = member.Name;
        }
    }

    /// <summary>The node's name; null for no node (0).</summary>
    public string? this[ushort node] => node == 0 ? null : _names.GetValueOrDefault(node) ?? string.Create(CultureInfo.InvariantCulture, $"n{node}");

    public IEnumerable<string> All(IEnumerable<ushort> nodes) => nodes.Select(node => this[node]).OfType<string>();
}
