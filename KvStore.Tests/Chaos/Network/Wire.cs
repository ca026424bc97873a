using System.Diagnostics;
using KvStore.Core.Primitives;
using KvStore.Tests.Chaos.Nodes;
using Microsoft.Win32.SafeHandles;

namespace KvStore.Tests.Chaos.Network;

/// <summary>
/// The network between the clients and the nodes: a TUN interface in each participant's namespace, and a thread for each that carries every
/// packet to its receiver, late, twice or not at all. So what happens to packets does not depend on which filters and queues a kernel has.
/// Lives as long as the process.
/// </summary>
internal sealed class Wire
{
    public const string Interface = "wire";
    private const string Subnet = "10.99.0.";
    private const int ClientsHost = 100;
    private const int DestinationAt = 19; // the last byte of the receiver in an IPv4 header
    private const int LongestPacket = 65_536;

    private readonly SafeFileHandle[] _devices;
    private readonly object[] _linkGates;
    private readonly long[] _busyUntilNs;
    private readonly LatePackets _late;

    /// <param name="nodes">How many there are; the namespaces n1, n2 ... must exist.</param>
    public Wire(int nodes, Prng random)
    {
        Links = new LinkConditions(nodes + 1);
        _devices = [.. Enumerable.Range(0, nodes + 1).Select(Attach)];
        _linkGates = [.. Enumerable.Range(0, nodes + 1).Select(_ => new object())];
        _busyUntilNs = new long[nodes + 1];
        _late = new LatePackets(NowNs, (to, packet) => NetworkCalls.WritePacket(_devices[to], packet));
        for (var i = 0; i <= nodes; i++)
        {
            var (from, own) = (i, random.Fork());
            new Thread(() => Carry(from, own)) { IsBackground = true, Name = $"wire {from}" }.Start();
        }
    }

    public LinkConditions Links { get; }

    /// <summary>Of a node, from 1.</summary>
    public static string AddressOf(int node) => $"{Subnet}{node}";

    public static string NamespaceOf(int node) => $"n{node}";

    public static string NamespacePathOf(int node) => $"/run/netns/{NamespaceOf(node)}";

    /// <summary>The clients' interface is in the namespace of this process.</summary>
    private static SafeFileHandle Attach(int participant)
    {
        SafeFileHandle? device = null;
        Exception? failure = null;

        // A thread that has changed its namespace is not fit for anything else.
        var thread = new Thread(() =>
        {
            try
            {
                if (participant > 0) NetworkCalls.Enter(NamespacePathOf(participant));
                device = NetworkCalls.CreateTun(Interface);
            }
            catch (Exception e)
            {
                failure = e;
            }
        });
        thread.Start();
        thread.Join();
        if (device is null) throw new InvalidOperationException("no network interface can be made", failure);
        string[] where = participant > 0 ? ["-n", NamespaceOf(participant)] : [];
        SystemTool.Run("ip", [.. where, "addr", "add", $"{Subnet}{(participant == 0 ? ClientsHost : participant)}/24", "dev", Interface]);
        SystemTool.Run("ip", [.. where, "link", "set", Interface, "up"]);
        SystemTool.Run("ip", [.. where, "link", "set", "lo", "up"]);
        return device;
    }

    private void Carry(int from, Prng random)
    {
        var buffer = new byte[LongestPacket];
        while (NetworkCalls.ReadPacket(_devices[from], buffer) is var length and > 0)
        {
            var packet = buffer.AsSpan(0, length);
            if (length > DestinationAt && packet[0] >> 4 == 4) Forward(from, packet, random);
        }
    }

    private void Forward(int from, ReadOnlySpan<byte> packet, Prng random)
    {
        var to = packet[DestinationAt] == ClientsHost ? 0 : packet[DestinationAt];
        if (to >= _devices.Length || to == from) return;
        PacketFate fate;
        var nowNs = NowNs();
        lock (_linkGates[to]) fate = PacketFate.Draw(Links, from, to, packet.Length, nowNs, ref _busyUntilNs[to], random);
        for (var i = 0; i < fate.Copies; i++)
        {
            if (fate.DelayNs == 0) NetworkCalls.WritePacket(_devices[to], packet);
            else _late.Add(to, packet, nowNs + fate.DelayNs);
        }
    }

    private static long NowNs() => Stopwatch.GetTimestamp() * (1_000_000_000 / Stopwatch.Frequency);
}
