using BenchmarkDotNet.Attributes;
using KvStore.Core.Primitives;
using KvStore.Core.Ring;

namespace KvStore.Bench.Micro;

/// <summary>The way from a key to its three nodes, once per request, and the walk on the ring that placement makes.</summary>
[MemoryDiagnoser]
public class RingBenchmarks
{
    private const int Partitions = 256;

    private readonly byte[] _key = "key:000000012345"u8.ToArray();
    private readonly NodeId[] _found = new NodeId[Topology.ReplicasPerPartition];
    private Topology _topology = null!;
    private HashRing _ring = null!;

    [Params(3, 50)]
    public int Nodes { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        ClusterMember[] members =
        [
            .. Enumerable.Range(1, Nodes).Select(static number => new ClusterMember
            {
                Id = new NodeId((ushort)number),
                State = MemberState.Active,
                Weight = 1,
                Incarnation = (ulong)number,
                Name = $"n{number}",
                Address = $"127.0.0.1:{7400 + number}",
                Zone = "",
            }),
        ];
        _topology = Topology.Form(1, Partitions, members);
        _ring = new HashRing(members);
    }

    [Benchmark]
    public int KeyToReplicas() => _topology.ReplicasOf(_topology.PartitionOf(_key))[0].Node.Value;

    [Benchmark]
    public int RingWalk() => _ring.Walk(KeyHash.Of(_key), _found);
}
