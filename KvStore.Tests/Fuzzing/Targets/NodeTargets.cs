using System.Buffers;
using System.Buffers.Binary;
using KvStore.Core.Node;
using KvStore.Core.Primitives;
using KvStore.Core.Raft;
using KvStore.Core.Ring;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;
using KvStore.Tests.Protocol.Messages;
using KvStore.Tests.Simulation;
using KvStore.Tests.Storage;

namespace KvStore.Tests.Fuzzing.Targets;

/// <summary>
/// A whole node that a peer sends changed frames: u8 frame type, u8 request id, u32 length, body, one after the other. The node does not
/// stop, whatever they hold. A malformed body may end the connection (<see cref="WireException"/>); what the connection brought before counts.
/// </summary>
internal static class NodeTargets
{
    private const int HeadBytes = 6;
    private const long AfterEachNs = 20_000_000;
    private const long PatienceNs = 1_000_000_000;
    private static readonly NodeId Self = new(1);
    private static readonly NodeId Peer = new(2);
    private static readonly PartitionId Target = new(3);

    private static readonly Topology Members = Topology.Form(
        1, 16, [.. Enumerable.Range(1, 3).Select(i => new ClusterMember { Id = new NodeId((ushort)i), Name = $"n{i}", Address = $"h{i}:1", Incarnation = (ulong)i })]);

    public static IEnumerable<IDecoderTarget> All =>
    [
        new DecoderTarget
        {
            Name = "node-peer-frames",
            Covers = ["KvNode.OnPeerFrame", "CatchUp.Receive", "Heartbeats.Receive", "Coordinator.OnForwarded", "Coordinator.OnForwardReply", "Replies.TryRead", "Intake.TryRead"],
            Valid = RandomTalk,
            Read = Listen,
            Checksums = Repair,

            // A node: its log, its engine, and what its replies were built in.
            StatedBytes = 64 << 20,
            BytesPerByte = 1000,
        },
    ];

    /// <summary>What a peer says that leads a partition: that it lives, entries, a snapshot, requests it passes on.</summary>
    private static byte[] RandomTalk(Random random)
    {
        var talk = new ArrayBufferWriter<byte>();
        for (var left = random.Next(1, 5); left > 0; left--)
        {
            switch (random.Next(6))
            {
                case 0:
                    Say(talk, PeerFrame.Heartbeat, 0, Claim(random));
                    break;
                case 1:
                    Say(talk, PeerFrame.Raft, 0, Append(random));
                    break;
                case 2:
                    Snapshot(talk, (byte)random.Next(1, 4), random);
                    break;
                case 3 or 4:
                    var reply = RandomMessages.All.Where(message => message.Name is "GetReply" or "ScanReply" or "ExplainReply" or "Error").ElementAt(random.Next(4));
                    Say(talk, PeerFrame.ForwardReply, (byte)random.Next(1, 6), [(byte)Enum.Parse<FrameType>(reply.Name), .. reply.Make(random)]);
                    break;
                default:
                    var request = RandomMessages.All[random.Next(RandomMessages.All.Length)];
                    Say(talk, PeerFrame.Forward, (byte)random.Next(256), PeerTargets.BytesOf(b => ForwardCodec.WriteRequest(b, Enum.Parse<FrameType>(request.Name), 50_000_000, request.Make(random))));
                    break;
            }
        }

        return talk.WrittenSpan.ToArray();
    }

    private static void Say(ArrayBufferWriter<byte> talk, PeerFrame type, byte stream, ReadOnlySpan<byte> body)
    {
        talk.Write([(byte)type, stream]);
        BinaryPrimitives.WriteInt32LittleEndian(talk.GetSpan(4), body.Length);
        talk.Advance(4);
        talk.Write(body);
    }

    private static byte[] Claim(Random random)
    {
        var heartbeat = new Heartbeat { SenderBoot = 1, ReceiverBoot = 1, HlcTicks = 1UL << 50, SentNs = random.Next(), Sequence = 1, ConfirmedSequence = 1 };
        for (var partition = 0; partition < Members.PartitionCount; partition++)
            heartbeat.Changes.Add(new LeaderClaim(new PartitionId((ushort)partition), new Term(1), new LogIndex((ulong)random.Next(3)), LogIndex.Zero));
        heartbeat.Digest = heartbeat.Changes.Aggregate(0UL, (sum, claim) => sum + claim.Digest());
        return PeerTargets.BytesOf(heartbeat.Encode);
    }

    private static byte[] Append(Random random) => PeerTargets.BytesOf(buffer =>
    {
        var count = random.Next(3);
        var start = RaftBatch.Begin(buffer, Target, new RaftMessage
        {
            Type = RaftMessageType.Append,
            From = Members.ReplicaOn(Target, Peer)!.Value.Id,
            To = Members.ReplicaOn(Target, Self)!.Value.Id,
            Term = new Term(1),
            Commit = new LogIndex((ulong)count),
            EntryCount = count,
        });
        for (; count > 0; count--) RaftBatch.AddEntry(buffer, new Term(1), PeerTargets.RandomEntry(random));
        RaftBatch.End(buffer, start);
    });

    private static void Snapshot(ArrayBufferWriter<byte> talk, byte stream, Random random)
    {
        using var sim = new SimEngine(1);
        var source = sim.Engine.CreatePartition(Target, PeerTargets.BytesOf(PeerTargets.RandomConfiguration(random).Encode));
        for (var index = 1UL; index <= 4; index++) source.Put(index, $"key{random.Next(20)}", new string('v', random.Next(80)));
        using var export = source.BeginExport();
        Say(talk, PeerFrame.SnapshotBegin, stream, PeerTargets.BytesOf(buffer =>
        {
            BinaryPrimitives.WriteUInt16LittleEndian(buffer.Take(2), Target.Value);
            foreach (var number in (ulong[])[Members.ReplicaOn(Target, Peer)!.Value.Id.Value, Members.ReplicaOn(Target, Self)!.Value.Id.Value, export.State.Index.Value, 1, export.State.LogTime])
                BinaryPrimitives.WriteUInt64LittleEndian(buffer.Take(8), number);
            buffer.Append(export.Configuration);
        }));
        for (var (more, number) = (true, 0U); more; number++)
        {
            var chunk = new ByteBuffer();
            BinaryPrimitives.WriteUInt32LittleEndian(chunk.Take(5), number);
            more = export.Read(chunk, 150);
            var body = chunk.Written.ToArray();
            body[4] = more ? (byte)0 : (byte)1;
            Say(talk, PeerFrame.SnapshotChunk, stream, body);
        }
    }

    private static Decoded Listen(ReadOnlyMemory<byte> input)
    {
        var world = new SimWorld(1);
        var scheduler = new NodeScheduler(world);
        var told = new List<string>();
        var fatal = new List<Exception>();
        var seams = new NodeSeams(new SimDisk(1), new SimClock(world), scheduler, new Mute(), new Notes(told), new Deaf(), new Prng(1), fatal.Add);
        var options = new NodeOptions { Shards = 1, WalSegmentBytes = 1 << 20, WalRetentionBytes = 4 << 20, MemTableBytes = 1 << 20, BlockCacheBytes = 1 << 20 };
        var node = KvNode.Open(seams, options, new NodeIdentity(1, 1), Self, Members, "/data");
        node.Start();
        try
        {
            foreach (var lane in Enum.GetValues<PeerLane>()) node.OnPeerLane(Peer, lane, true);
            node.OnPeerFrame(Peer, PeerFrame.Heartbeat, 0, Claim(new Random(1)));
            world.RunFor(AfterEachNs);
            var asked = Ask(node, world);
            var heard = Hear(node, world, input.Span);
            world.RunFor(PatienceNs);
            if (fatal.Count > 0) throw new InvalidOperationException("the node stopped", fatal[0]);
            if (asked.Find(reply => !reply.IsDone) is { } silent) throw new InvalidOperationException($"request {asked.IndexOf(silent)} was never answered");
            var status = node.StatusOf(Target)!.Read();
            return new Decoded(
                $"{heard} {status.Role} {status.Term.Value} {status.LastIndex.Value} {status.Applied.Value}", [(byte)told.Count, (byte)status.LastIndex.Value, (byte)status.Applied.Value]);
        }
        finally
        {
            scheduler.Kill(); // As a power cut: a node that is to end in order needs a scheduler that runs meanwhile.
        }
    }

    /// <summary>What the node has to ask the peer for: its answers are among what is changed. Whatever it says, a client hears something.</summary>
    private static List<SimReply> Ask(KvNode node, SimWorld world)
    {
        var replies = new List<SimReply>();
        foreach (var (type, body) in ((FrameType, byte[])[])
            [
                (FrameType.Get, RandomMessages.Bytes(o => GetRequest.Encode(o, ReadConsistency.Quorum, [new GetKey("a"u8.ToArray()), new GetKey("b"u8.ToArray())]))),
                (FrameType.Explain, RandomMessages.Bytes(new ExplainRequest("a"u8.ToArray()).Encode)),
                (FrameType.Scan, RandomMessages.Bytes(new ScanRequest { Consistency = ReadConsistency.Quorum }.Encode)),
            ])
        {
            var reply = new SimReply();
            node.Coordinator.Submit(new ClientRequest { Type = type, Id = 1, DeadlineNs = world.NowNs + (PatienceNs / 2), Body = body, Sink = reply });
            replies.Add(reply);
        }

        return replies;
    }

    private static int Hear(KvNode node, SimWorld world, ReadOnlySpan<byte> talk)
    {
        var heard = 0;
        for (; talk.Length >= HeadBytes; heard++)
        {
            var length = (int)Math.Min(BinaryPrimitives.ReadUInt32LittleEndian(talk[2..]), (uint)(talk.Length - HeadBytes));
            try
            {
                node.OnPeerFrame(Peer, (PeerFrame)talk[0], talk[1], talk.Slice(HeadBytes, length));
            }
            catch (WireException)
            {
                break;
            }

            world.RunFor(AfterEachNs);
            talk = talk[(HeadBytes + length)..];
        }

        return heard;
    }

    private static void Repair(Span<byte> talk)
    {
        while (talk.Length >= HeadBytes)
        {
            var length = (int)Math.Min(BinaryPrimitives.ReadUInt32LittleEndian(talk[2..]), (uint)(talk.Length - HeadBytes));
            if (talk[0] == (byte)PeerFrame.SnapshotChunk && length > 5 + 24) BinaryPrimitives.WriteUInt32LittleEndian(talk[(HeadBytes + 5 + 4)..], Crc32C.Of(talk[(HeadBytes + 5 + 8)..(HeadBytes + length)]));
            talk = talk[(HeadBytes + length)..];
        }
    }

    private sealed class Mute : IPeerTransport
    {
        public bool TrySend(NodeId to, PeerLane lane, PeerFrame type, ulong requestId, ReadOnlySpan<byte> body) => true;
    }

    private sealed class Notes(List<string> told) : INodeLog
    {
        public void Info(string message) => told.Add(message);

        public void Warn(string message) => told.Add(message);
    }

    private sealed class Deaf : INodeObserver
    {
        public void OnRequest(RequestKind kind, bool majority, KvError error, Outcome outcome, long durationNs)
        {
        }

        public void OnSync(long durationNs, int records, int bytes)
        {
        }
    }
}
