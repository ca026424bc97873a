using System.Buffers.Binary;
using KvStore.Core.Primitives;

namespace KvStore.Core.Node;

/// <summary>"I lead this partition in this term, and my log ends here." Term 0: "I no longer lead it".</summary>
public readonly record struct LeaderClaim(PartitionId Partition, Term Term, LogIndex LastIndex, LogIndex Commit)
{
    public bool IsWithdrawn => Term.Value == 0;

    /// <summary>What the claim adds to the digest of a whole list: a sum, so that it can be kept up to date claim by claim.</summary>
    public ulong Digest()
    {
        var h = (Partition.Value + 1UL) * 0x9E3779B97F4A7C15;
        h = Mix(h ^ Term.Value);
        h = Mix(h ^ LastIndex.Value);
        return Mix(h ^ Commit.Value);
    }

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}

/// <summary>A partition that the receiver claims but the sender does not follow it in, with the sender's term.</summary>
public readonly record struct ClaimException(PartitionId Partition, Term Term);

/// <summary>A replica of the sender that halted at damage, and the last index it applied.</summary>
public readonly record struct HaltedReplica(PartitionId Partition, LogIndex Applied);

/// <summary>
/// What one node tells another ten times a second: that it lives, what it leads, and how far it has heard.
/// </summary>
/// <remarks>
/// Layout, little-endian: u64 sender boot, u64 receiver boot as the sender knows it (0 = not yet), u64 HLC ticks,
/// i64 sender's clock in ns (s), i64 echo (the newest s of the receiver that had arrived before the claims were read; 0 = none),
/// u64 sequence of the sender's list, u64 base (the list of that sequence plus the changes is the whole list; 0 = the changes are the whole list),
/// u64 digest of the whole list, u64 confirmed (sequence of the receiver's list that the sender holds whole; 0 = none),
/// u64 flags (bit 0: the sender is leaving, no leadership is to be given to it),
/// u32 n changes (u16 partition, u64 term, u64 last index, u64 commit), u32 m exceptions (u16 partition, u64 term),
/// u32 k halted replicas of the sender (u16 partition, u64 applied index).
/// </remarks>
public sealed class Heartbeat
{
    private const int FixedSize = 10 * 8;
    private const int ClaimSize = 26;
    private const int ExceptionSize = 10;
    private const int HaltedSize = 10;

    public ulong SenderBoot { get; set; }

    public ulong ReceiverBoot { get; set; }

    public ulong HlcTicks { get; set; }

    public long SentNs { get; set; }

    public long EchoNs { get; set; }

    public ulong Sequence { get; set; }

    public ulong BaseSequence { get; set; }

    public ulong Digest { get; set; }

    public ulong ConfirmedSequence { get; set; }

    /// <summary>The sender hands over what it leads, because it is about to stop.</summary>
    public bool Leaving { get; set; }

    public List<LeaderClaim> Changes { get; } = [];

    public List<ClaimException> Exceptions { get; } = [];

    /// <summary>Replicas of the sender that stand still until they are rebuilt.</summary>
    public List<HaltedReplica> Halted { get; } = [];

    public void Encode(ByteBuffer buffer)
    {
        var span = buffer.Take(FixedSize + 12 + (Changes.Count * ClaimSize) + (Exceptions.Count * ExceptionSize) + (Halted.Count * HaltedSize));
        ReadOnlySpan<ulong> head =
            [SenderBoot, ReceiverBoot, HlcTicks, (ulong)SentNs, (ulong)EchoNs, Sequence, BaseSequence, Digest, ConfirmedSequence, Leaving ? 1UL : 0];
        foreach (var field in head)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(span, field);
            span = span[8..];
        }

        BinaryPrimitives.WriteUInt32LittleEndian(span, (uint)Changes.Count);
        span = span[4..];
        foreach (var claim in Changes)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(span, claim.Partition.Value);
            BinaryPrimitives.WriteUInt64LittleEndian(span[2..], claim.Term.Value);
            BinaryPrimitives.WriteUInt64LittleEndian(span[10..], claim.LastIndex.Value);
            BinaryPrimitives.WriteUInt64LittleEndian(span[18..], claim.Commit.Value);
            span = span[ClaimSize..];
        }

        BinaryPrimitives.WriteUInt32LittleEndian(span, (uint)Exceptions.Count);
        span = span[4..];
        foreach (var exception in Exceptions)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(span, exception.Partition.Value);
            BinaryPrimitives.WriteUInt64LittleEndian(span[2..], exception.Term.Value);
            span = span[ExceptionSize..];
        }

        BinaryPrimitives.WriteUInt32LittleEndian(span, (uint)Halted.Count);
        span = span[4..];
        foreach (var halted in Halted)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(span, halted.Partition.Value);
            BinaryPrimitives.WriteUInt64LittleEndian(span[2..], halted.Applied.Value);
            span = span[HaltedSize..];
        }
    }

    /// <summary>Null when the bytes are not a heartbeat.</summary>
    public static Heartbeat? TryDecode(ReadOnlySpan<byte> body)
    {
        if (body.Length < FixedSize + 12) return null;
        var heartbeat = new Heartbeat
        {
            SenderBoot = Field(body, 0),
            ReceiverBoot = Field(body, 1),
            HlcTicks = Field(body, 2),
            SentNs = (long)Field(body, 3),
            EchoNs = (long)Field(body, 4),
            Sequence = Field(body, 5),
            BaseSequence = Field(body, 6),
            Digest = Field(body, 7),
            ConfirmedSequence = Field(body, 8),
            Leaving = (Field(body, 9) & 1) != 0,
        };
        body = body[FixedSize..];
        var changes = BinaryPrimitives.ReadUInt32LittleEndian(body);
        body = body[4..];
        if (changes > (uint)body.Length / ClaimSize) return null;
        for (; changes > 0; changes--, body = body[ClaimSize..])
        {
            heartbeat.Changes.Add(new LeaderClaim(
                new PartitionId(BinaryPrimitives.ReadUInt16LittleEndian(body)),
                new Term(BinaryPrimitives.ReadUInt64LittleEndian(body[2..])),
                new LogIndex(BinaryPrimitives.ReadUInt64LittleEndian(body[10..])),
                new LogIndex(BinaryPrimitives.ReadUInt64LittleEndian(body[18..]))));
        }

        if (body.Length < 4) return null;
        var exceptions = BinaryPrimitives.ReadUInt32LittleEndian(body);
        body = body[4..];
        if (exceptions > (uint)body.Length / ExceptionSize) return null;
        for (; exceptions > 0; exceptions--, body = body[ExceptionSize..])
        {
            heartbeat.Exceptions.Add(new ClaimException(
                new PartitionId(BinaryPrimitives.ReadUInt16LittleEndian(body)), new Term(BinaryPrimitives.ReadUInt64LittleEndian(body[2..]))));
        }

        if (body.Length < 4) return null;
        var halted = BinaryPrimitives.ReadUInt32LittleEndian(body);
        body = body[4..];
        if (halted > (uint)body.Length / HaltedSize) return null;
        for (; halted > 0; halted--, body = body[HaltedSize..])
        {
            heartbeat.Halted.Add(new HaltedReplica(
                new PartitionId(BinaryPrimitives.ReadUInt16LittleEndian(body)), new LogIndex(BinaryPrimitives.ReadUInt64LittleEndian(body[2..]))));
        }

        return heartbeat;
    }

    private static ulong Field(ReadOnlySpan<byte> body, int number) => BinaryPrimitives.ReadUInt64LittleEndian(body[(number * 8)..]);
}
