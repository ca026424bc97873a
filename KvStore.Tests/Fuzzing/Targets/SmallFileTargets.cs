using System.Buffers.Binary;
using KvStore.Core.Io;
using KvStore.Core.Node;
using KvStore.Core.Primitives;
using KvStore.Core.Ring;
using KvStore.Core.Storage.Manifest;
using KvStore.Tests.Simulation;

namespace KvStore.Tests.Fuzzing.Targets;

/// <summary>Files that name things: identity, cluster, the promise to become a member, topology, CURRENT. All end with the XXH3-64 of what stands before.</summary>
internal static class SmallFileTargets
{
    private const string Directory = "/data";

    public static IEnumerable<IDecoderTarget> All =>
    [
        new DecoderTarget
        {
            Name = "topology",
            Covers = [$"{nameof(Topology)}.{nameof(Topology.Decode)}", $"{nameof(TopologyCodec)}.{nameof(TopologyCodec.Decode)}"],
            Valid = random => PeerTargets.BytesOf(RandomTopology(random).Encode),
            Read = bytes => Decoded.Of(PeerTargets.BytesOf(Topology.Decode(bytes.Span).Encode)),
            Refuses = [typeof(TopologyException)],
            Checksums = RepairEnd,
            RoundTrips = true,
        },
        new DecoderTarget
        {
            Name = "cluster-file",
            Covers = [$"{nameof(ClusterFile)}.{nameof(ClusterFile.TryDecode)}"],
            Valid = random => new ClusterFile(RandomTopology(random), new byte[ClusterFile.SecretBytes]).Encode(),
            Read = bytes => ClusterFile.TryDecode(bytes.Span) is { } file ? Decoded.Of(file.Encode()) : Decoded.Refused,
            Checksums = RepairCluster,
            RoundTrips = true,
        },
        OnDisk("cluster-file-on-disk", [$"{nameof(ClusterFile)}.{nameof(ClusterFile.Read)}", $"{nameof(SmallFile)}.{nameof(SmallFile.Read)}"], "cluster", RepairCluster,
            (disk, random) => new ClusterFile(RandomTopology(random), new byte[ClusterFile.SecretBytes]).Write(disk, Directory),
            disk => ClusterFile.Read(disk, Directory)!.Encode()),
        new DecoderTarget
        {
            Name = "pending-init",
            Covers = [$"{nameof(PendingInit)}.{nameof(PendingInit.TryDecode)}"],
            Valid = random => RandomPromise(random).Encode(),
            Read = bytes => PendingInit.TryDecode(bytes.Span) is { } promise ? Decoded.Of(promise.Encode()) : Decoded.Refused,
            Checksums = RepairEnd,
            RoundTrips = true,
        },
        OnDisk("pending-init-on-disk", [$"{nameof(PendingInit)}.{nameof(PendingInit.Read)}"], "cluster.pending", RepairEnd,
            (disk, random) => RandomPromise(random).Write(disk, Directory), disk => PendingInit.Read(disk, Directory)!.Encode()),
        OnDisk("identity", [$"{nameof(NodeIdentity)}.{nameof(NodeIdentity.Open)}", $"{nameof(NodeIdentity)}.{nameof(NodeIdentity.Peek)}"], "identity", RepairEnd,
            (disk, random) => NodeIdentity.Open(disk, Directory, new Prng((ulong)random.NextInt64())), ReadIdentity),
        OnDisk("current", [$"{nameof(CurrentFile)}.{nameof(CurrentFile.Read)}"], CurrentFile.Name, RepairEnd,
            (disk, random) => CurrentFile.Write(disk, Directory, (ulong)random.Next(1000)), disk => BitConverter.GetBytes(CurrentFile.Read(disk, Directory))),
    ];

    /// <summary>The file is read from a disk of its own each time; damage is a <see cref="CorruptionException"/>.</summary>
    private static DecoderTarget OnDisk(
        string name, string[] covers, string file, DecoderTarget.RepairChecksums repair, Action<SimDisk, Random> write, Func<SimDisk, byte[]> read) => new()
        {
            Name = name,
            Covers = covers,
            Valid = random =>
            {
                var disk = NewDisk();
                write(disk, random);
                return disk.Content($"{Directory}/{file}");
            },
            Read = bytes =>
            {
                var disk = NewDisk();
                disk.SetContent($"{Directory}/{file}", bytes.Span);
                return Decoded.Of(read(disk));
            },
            Refuses = [typeof(CorruptionException)],
            Checksums = repair,
        };

    private static SimDisk NewDisk()
    {
        var disk = new SimDisk(1);
        disk.CreateDirectory(Directory);
        return disk;
    }

    private static byte[] ReadIdentity(SimDisk disk)
    {
        var seen = NodeIdentity.Peek(disk, Directory);
        var opened = NodeIdentity.Open(disk, Directory, new Prng(1));
        if (opened.Incarnation != seen.Incarnation || opened.Boot != seen.Boot + 1) throw new InvalidOperationException($"{seen} was opened as {opened}");
        return BitConverter.GetBytes(opened.Incarnation ^ opened.Boot);
    }

    private static Topology RandomTopology(Random random) => Topology.Form(
        (UInt128)random.NextInt64() + 1, 16,
        [.. Enumerable.Range(1, random.Next(3, 6)).Select(i => new ClusterMember
        {
            Id = new NodeId((ushort)i),
            Name = $"n{i}",
            Address = $"host{random.Next(10)}-{i}:1",
            Zone = random.Next(2) == 0 ? "" : $"z{i}",
            Incarnation = (ulong)random.NextInt64(),
        })]);

    private static PendingInit RandomPromise(Random random) =>
        new((UInt128)random.NextInt64(), 16 << random.Next(4), [.. Enumerable.Range(1, random.Next(3, 6)).Select(i => $"host{i}:7400")]);

    private static void RepairEnd(Span<byte> input)
    {
        if (input.Length >= 8) BinaryPrimitives.WriteUInt64LittleEndian(input[^8..], StableHash.Of(input[..^8]));
    }

    /// <summary>The topology document inside ends before the file's own checksum.</summary>
    private static void RepairCluster(Span<byte> input)
    {
        const int documentAt = 16 + ClusterFile.SecretBytes;
        if (input.Length > documentAt + 8) RepairEnd(input[documentAt..^8]);
        RepairEnd(input);
    }
}
