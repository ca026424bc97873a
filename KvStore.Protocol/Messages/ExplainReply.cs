using System.Buffers;
using KvStore.Protocol.Wire;

namespace KvStore.Protocol.Messages;

/// <summary>What an operation on the key would meet now.</summary>
public readonly record struct ExplainVerdict(bool Possible, string Why);

/// <summary>
/// Where a key lives and what its replicas know.
/// <code>
/// u64 hash, u16 partition, u32 P, u64 ring position, u16 leader (0 unknown), u16 count of replicas in preference order, each as ExplainReplica
/// three verdicts (local read, quorum read, strong write), each: u8 possible, string why
/// </code>
/// </summary>
public sealed record ExplainReply
{
    /// <summary>XXH3-64 of the key's hash tag.</summary>
    public required ulong Hash { get; init; }

    public required ushort Partition { get; init; }

    /// <summary>P.</summary>
    public required uint PartitionCount { get; init; }

    /// <summary>The partition's own position on the ring.</summary>
    public required ulong RingPosition { get; init; }

    /// <summary>The primary as the answering node believes; 0 = unknown.</summary>
    public ushort Leader { get; init; }

    public required IReadOnlyList<ExplainReplica> Replicas { get; init; }

    public ExplainVerdict LocalRead { get; init; } = new(false, "");

    public ExplainVerdict QuorumRead { get; init; } = new(false, "");

    public ExplainVerdict StrongWrite { get; init; } = new(false, "");

    public void Encode(IBufferWriter<byte> output)
    {
        var writer = new WireWriter(output);
        writer.UInt64(Hash);
        writer.UInt16(Partition);
        writer.UInt32(PartitionCount);
        writer.UInt64(RingPosition);
        writer.UInt16(Leader);
        writer.Count(Replicas.Count);
        foreach (var replica in Replicas) replica.Write(ref writer);
        WriteVerdict(ref writer, LocalRead);
        WriteVerdict(ref writer, QuorumRead);
        WriteVerdict(ref writer, StrongWrite);
        writer.Complete();
    }

    /// <exception cref="WireException">Truncated or malformed.</exception>
    public static ExplainReply Decode(ReadOnlySpan<byte> body)
    {
        var reader = new WireReader(body);
        return new ExplainReply
        {
            Hash = reader.ReadUInt64(),
            Partition = reader.ReadUInt16(),
            PartitionCount = reader.ReadUInt32(),
            RingPosition = reader.ReadUInt64(),
            Leader = reader.ReadUInt16(),
            Replicas = ReadReplicas(ref reader),
            LocalRead = ReadVerdict(ref reader),
            QuorumRead = ReadVerdict(ref reader),
            StrongWrite = ReadVerdict(ref reader),
        };
    }

    private static ExplainReplica[] ReadReplicas(ref WireReader reader)
    {
        var replicas = new ExplainReplica[reader.ReadCount(ExplainReplica.MinSize, 100)];
        for (var i = 0; i < replicas.Length; i++) replicas[i] = ExplainReplica.Read(ref reader);
        return replicas;
    }

    private static void WriteVerdict(ref WireWriter writer, in ExplainVerdict verdict)
    {
        writer.Bool(verdict.Possible);
        writer.String(verdict.Why);
    }

    private static ExplainVerdict ReadVerdict(ref WireReader reader) => new(reader.ReadBool(), reader.ReadString());
}
