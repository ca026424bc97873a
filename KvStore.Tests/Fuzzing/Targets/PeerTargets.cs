using KvStore.Core.Node;
using KvStore.Core.Primitives;
using KvStore.Core.Raft;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;
using KvStore.Tests.Protocol.Messages;

namespace KvStore.Tests.Fuzzing.Targets;

/// <summary>What only nodes send to each other. Their decoders say no without an exception.</summary>
internal static class PeerTargets
{
    public static IEnumerable<IDecoderTarget> All =>
    [
        new DecoderTarget
        {
            Name = "peer-raft",
            Covers = [$"{nameof(RaftBatch)}.{nameof(RaftBatch.TryTake)}", $"{nameof(RaftBatch)}.{nameof(RaftBatch.TryDecode)}", $"{nameof(RaftBatch)}.{nameof(RaftBatch.TryTakeEntry)}"],
            Valid = Messages,
            Read = ReadMessages,
            RoundTrips = true,
        },
        new DecoderTarget
        {
            Name = "peer-heartbeat",
            Covers = [$"{nameof(Heartbeat)}.{nameof(Heartbeat.TryDecode)}", "PeerClaims.Apply"],
            Valid = random => BytesOf(RandomHeartbeat(random).Encode),
            Read = ReadHeartbeat,
            RoundTrips = true,
        },
        new DecoderTarget
        {
            Name = "peer-forward",
            Covers = [$"{nameof(ForwardCodec)}.{nameof(ForwardCodec.TryReadRequest)}", $"{nameof(ForwardCodec)}.{nameof(ForwardCodec.TryReadReply)}"],
            Valid = random => BytesOf(buffer => ForwardCodec.WriteRequest(buffer, FrameType.Get, random.NextInt64(), RandomMessages.All[5].Make(random))),
            Read = ReadForward,
            RoundTrips = true,
        },
        new DecoderTarget
        {
            Name = "peer-scan-share",
            Covers = [$"{nameof(PartitionSet)}.{nameof(PartitionSet.Read)}"],
            Valid = random => RandomBytes(random, 8),
            Read = bits => Decoded.Of(PartitionSet.Read(bits.Span, 64).Bits.ToArray()),
            Refuses = [typeof(WireException)],
            RoundTrips = true,
        },
        new DecoderTarget
        {
            Name = "raft-configuration",
            Covers = [$"{nameof(RaftConfiguration)}.{nameof(RaftConfiguration.Decode)}"],
            Valid = random => BytesOf(RandomConfiguration(random).Encode),
            Read = bytes => Decoded.Of(BytesOf(RaftConfiguration.Decode(bytes.Span).Encode)),
            Refuses = [typeof(FormatException)],
            RoundTrips = true,
        },
        new DecoderTarget
        {
            Name = "log-entry",
            Covers = [$"{nameof(EntryHeader)}.{nameof(EntryHeader.Read)}", "EntryOperations"],
            Valid = RandomEntry,
            Read = ReadEntry,
            Refuses = [typeof(InvariantException)],
            RoundTrips = true,
        },
        new DecoderTarget
        {
            Name = "log-entry-of-peer",
            Covers = [$"{nameof(EntryCheck)}.{nameof(EntryCheck.IsWellFormed)}"],
            Valid = RandomEntry,
            Read = entry => EntryCheck.IsWellFormed(entry.Span) ? UseEntry(entry) : Decoded.Refused,
            RoundTrips = true,
        },
    ];

    public static byte[] BytesOf(Action<ByteBuffer> encode)
    {
        var buffer = new ByteBuffer();
        encode(buffer);
        return buffer.Written.ToArray();
    }

    public static RaftConfiguration RandomConfiguration(Random random) => new(Members(random, 3, 0), Members(random, random.Next(2) * 3, 10), Members(random, random.Next(2), 20), new LogIndex((ulong)random.Next()));

    /// <summary>An entry of any kind, as a leader makes it.</summary>
    public static byte[] RandomEntry(Random random)
    {
        var kind = (EntryKind)random.Next(3);
        return BytesOf(buffer =>
        {
            new EntryHeader(kind, random.Next(2) == 0, new NodeId((ushort)random.Next(65536)), (ulong)random.NextInt64()).Write(buffer.Take(EntryHeader.Size));
            if (kind == EntryKind.Configuration) RandomConfiguration(random).Encode(buffer);
            if (kind != EntryKind.Write) return;
            var count = random.Next(1, 5);
            BitConverter.TryWriteBytes(buffer.Take(2), (ushort)count);
            for (; count > 0; count--) AddOperation(buffer, random);
        });
    }

    private static void AddOperation(ByteBuffer buffer, Random random)
    {
        var operation = RandomMessages.Operation(random) with { Key = RandomBytes(random, random.Next(1, 40)) };
        if (operation.Kind == WriteKind.Delete) operation = operation with { Value = default };
        var (term, index, ticks, node) = operation.Condition.Revision;
        var condition = operation.Condition.Kind;
        var encoded = new EntryOperation
        {
            Kind = operation.Kind,
            Condition = condition,
            ExpiresAtMs = (long)operation.TtlMs,
            Expected = EntryOperation.NeedsExpected(condition)
                ? new Revision(new KvStore.Core.Primitives.Version(new Term(term), new LogIndex(index)), new HybridTimestamp(ticks, new NodeId(node))) : Revision.None,
            Key = operation.Key.Span,
            Value = operation.Value.Span,
        };
        encoded.Write(buffer.Take(encoded.EncodedSize));
    }

    private static Decoded ReadEntry(ReadOnlyMemory<byte> input)
    {
        var header = EntryHeader.Read(input.Span);
        var buffer = new ByteBuffer();
        header.Write(buffer.Take(EntryHeader.Size));
        if (header.Kind != EntryKind.Write) return new Decoded($"{header.Kind}", [.. buffer.Written, .. input.Span[EntryHeader.Size..]]);
        var operations = new EntryOperations(input.Span);
        BitConverter.TryWriteBytes(buffer.Take(2), (ushort)operations.Count);
        foreach (var operation in operations) operation.Write(buffer.Take(operation.EncodedSize));
        return new Decoded($"{operations.Count}", buffer.Written.ToArray());
    }

    /// <summary>What was found well-formed can be read without an exception, and nothing of it is left over.</summary>
    private static Decoded UseEntry(ReadOnlyMemory<byte> entry)
    {
        if (EntryHeader.Read(entry.Span).Kind == EntryKind.Configuration) RaftConfiguration.Decode(entry.Span[EntryHeader.Size..]);
        var decoded = ReadEntry(entry);
        return decoded.Meaning!.Length == entry.Length ? decoded : throw new InvalidOperationException("bytes are left over");
    }

    private static System.Collections.Immutable.ImmutableArray<Member> Members(Random random, int count, int from) =>
        [.. Enumerable.Range(from + 1, count).Select(i => new Member(new NodeId((ushort)i), (ulong)random.NextInt64(), new ReplicaId((ulong)i)))];

    private static byte[] Messages(Random random) => BytesOf(buffer =>
    {
        for (var left = random.Next(1, 4); left > 0; left--)
        {
            var entries = random.Next(4);
            var start = RaftBatch.Begin(buffer, new PartitionId((ushort)random.Next(16)), RandomMessage(random, entries));
            for (; entries > 0; entries--) RaftBatch.AddEntry(buffer, new Term((ulong)random.Next(5)), RandomBytes(random, random.Next(60)));
            RaftBatch.End(buffer, start);
        }
    });

    private static RaftMessage RandomMessage(Random random, int entries) => new()
    {
        Type = (RaftMessageType)random.Next(10),
        Reject = (RejectReason)random.Next(3),
        Transfer = random.Next(2) == 0,
        From = new ReplicaId((ulong)random.NextInt64()),
        To = new ReplicaId((ulong)random.NextInt64()),
        Term = new Term((ulong)random.Next(100)),
        Index = new LogIndex((ulong)random.Next(100)),
        LogTerm = new Term((ulong)random.Next(100)),
        Commit = new LogIndex((ulong)random.Next(100)),
        Hint = new LogIndex((ulong)random.Next(100)),
        Context = (ulong)random.NextInt64(),
        EntryCount = entries,
    };

    private static Decoded ReadMessages(ReadOnlyMemory<byte> input)
    {
        var buffer = new ByteBuffer();
        var batch = input.Span;
        var count = 0;
        while (RaftBatch.TryTake(ref batch, out var partition, out var bytes))
        {
            if (!RaftBatch.TryDecode(bytes, out var message, out var entries)) continue;
            var start = RaftBatch.Begin(buffer, partition, message);
            if (TakeEntries(buffer, entries, message.EntryCount)) RaftBatch.End(buffer, start);
            else buffer.TruncateTo(start);
            count++;
        }

        return new Decoded($"{count}", buffer.Written.ToArray());
    }

    private static bool TakeEntries(ByteBuffer buffer, ReadOnlySpan<byte> entries, int count)
    {
        for (; count > 0; count--)
        {
            if (!RaftBatch.TryTakeEntry(ref entries, out var term, out var payload)) return false;
            RaftBatch.AddEntry(buffer, term, payload);
        }

        return true;
    }

    private static Heartbeat RandomHeartbeat(Random random)
    {
        var heartbeat = new Heartbeat
        {
            SenderBoot = (ulong)random.Next(3),
            ReceiverBoot = (ulong)random.Next(3),
            HlcTicks = (ulong)random.NextInt64(),
            SentNs = random.NextInt64(),
            EchoNs = random.NextInt64(),
            Sequence = (ulong)random.Next(10),
            BaseSequence = (ulong)random.Next(2),
            ConfirmedSequence = (ulong)random.Next(10),
            Leaving = random.Next(2) == 0,
        };
        for (var i = random.Next(5); i > 0; i--) heartbeat.Changes.Add(new LeaderClaim(new PartitionId((ushort)random.Next(16)), new Term((ulong)random.Next(5)), new LogIndex(9), new LogIndex(8)));
        for (var i = random.Next(5); i > 0; i--) heartbeat.Exceptions.Add(new ClaimException(new PartitionId((ushort)random.Next(16)), new Term(7)));
        for (var i = random.Next(5); i > 0; i--) heartbeat.Halted.Add(new HaltedReplica(new PartitionId((ushort)random.Next(16)), new LogIndex(3)));
        heartbeat.Digest = heartbeat.Changes.Aggregate(0UL, (sum, claim) => sum + claim.Digest());
        return heartbeat;
    }

    private static Decoded ReadHeartbeat(ReadOnlyMemory<byte> input)
    {
        if (Heartbeat.TryDecode(input.Span) is not { } heartbeat) return Decoded.Refused;
        var isWhole = new PeerClaims(16).Apply(heartbeat);
        return new Decoded($"{isWhole} {heartbeat.Changes.Count} {heartbeat.Exceptions.Count} {heartbeat.Halted.Count}", BytesOf(heartbeat.Encode));
    }

    private static Decoded ReadForward(ReadOnlyMemory<byte> input)
    {
        ForwardCodec.TryReadReply(input.Span, out var replyType, out var reply);
        if (!ForwardCodec.TryReadRequest(input.Span, out var type, out var remainingNs, out var body)) return Decoded.Refused;
        if (replyType != type || reply.Length != body.Length + 8) throw new InvalidOperationException("request and reply begin with the type");
        var bytes = body.ToArray();
        return Decoded.Of(BytesOf(buffer => ForwardCodec.WriteRequest(buffer, type, remainingNs, bytes)));
    }

    private static byte[] RandomBytes(Random random, int count)
    {
        var bytes = new byte[count];
        random.NextBytes(bytes);
        return bytes;
    }
}
