using System.Buffers;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;

namespace KvStore.Tests.Protocol;

/// <summary>The frames that docs/protocol.md shows as worked examples, by the names it gives them.</summary>
internal static class DocumentedExamples
{
    private static readonly WireRevision Revision = new(7, 318, 1764000000123UL << 16, 1);
    private static readonly UInt128 ClusterId = UInt128.Parse("0102030405060708090a0b0c0d0e0f10", System.Globalization.NumberStyles.HexNumber);
    private static readonly byte[] Key = "user/42"u8.ToArray();

    public static readonly IReadOnlyDictionary<string, byte[]> All = new Dictionary<string, byte[]>
    {
        ["hello"] = Frame(FrameType.Hello, 0, new Hello { Name = "demo" }.Encode),
        ["hello-ack"] = Frame(FrameType.HelloAck, 0, new HelloAck { Node = 1, ClusterId = ClusterId, Incarnation = 5, BootId = 2, TopologyVersion = 12, BuildVersion = "0.1.0" }.Encode),
        ["ping"] = Frame(FrameType.Ping, 77, _ => { }),
        ["pong"] = Frame(FrameType.Pong, 77, _ => { }),
        ["write"] = Frame(FrameType.Write, 1, output => WriteRequest.Encode(output, WriteMode.Strong, WriteKind.Put, Key, "v"u8), new FrameOptions(5000)),
        ["write-batch"] = Frame(FrameType.Write, 2, output => WriteRequest.Encode(
            output, WriteMode.Strong,
            [
                new WriteOperation(WriteKind.Put, "{a}1"u8.ToArray(), "x"u8.ToArray(), 60_000, WriteCondition.IfVersion(7, 318)),
                new WriteOperation(WriteKind.Delete, "{a}2"u8.ToArray()),
            ],
            requestId: "id-1"u8)),
        ["write-reply"] = Frame(FrameType.WriteReply, 1, output => WriteReply.Encode(output, new WriteResult
        {
            Outcome = Outcome.Applied,
            Requested = WriteMode.Strong,
            Achieved = WriteMode.Strong,
            Revision = Revision,
            Partition = 208,
            Primary = 1,
            AckedBy = default(NodeList).With(1).With(3),
        })),
        ["error"] = Frame(FrameType.Error, 1, new ErrorReply
        {
            Code = KvError.NoQuorum,
            Message = "1 of 3",
            Advice = "start n2",
            Outcome = Outcome.NotApplied,
            Retryable = true,
            Partition = 208,
            Missing = [new MissingNode(2, "down")],
        }.Encode),
        ["get"] = Frame(
            FrameType.Get, 3, output => GetRequest.Encode(output, ReadConsistency.Local, Key, Revision),
            new FrameOptions(5000, new TraceContext(UInt128.Parse("4bf92f3577b34da6a3ce929d0e0e4736", System.Globalization.NumberStyles.HexNumber), 0x00f067aa0ba902b7, 1))),
        ["get-reply"] = Frame(FrameType.GetReply, 3, output => GetReply.Encode(output,
        [
            new ReadResult { Found = true, Value = "v"u8.ToArray(), Revision = Revision, Achieved = ReadConsistency.Local, ServedBy = 2, Partition = 208, StalenessMs = 38 },
        ])),
        ["scan"] = Frame(FrameType.Scan, 4, new ScanRequest { Prefix = "user/"u8.ToArray(), LimitRecords = 100 }.Encode),
        ["scan-reply"] = Frame(FrameType.ScanReply, 4, output => ScanReply.Encode(output, new ScanPage
        {
            Records = [new ScanRecord(Key, "v"u8.ToArray(), Revision, null)],
            More = true,
            Cursor = "c1"u8.ToArray(),
            StalenessMs = 38,
            Served = [new ScanServer(1, 100), new ScanServer(2, 156)],
        })),
        ["init"] = Frame(FrameType.Init, 5, new InitRequest { ClusterId = ClusterId, Members = ["a:7400", "b:7400", "c:7400"] }.Encode),
        ["init-reply"] = Frame(FrameType.InitReply, 5, new InitReply
        {
            State = InitState.Committed,
            ClusterId = ClusterId,
            Partitions = 256,
            Members = [new InitMember(1, "n1", "a:7400"), new InitMember(2, "n2", "b:7400"), new InitMember(3, "n3", "c:7400")],
        }.Encode),
        ["topology"] = Frame(FrameType.Topology, 6, _ => { }),
        ["topology-reply"] = Frame(FrameType.TopologyReply, 6, new TopologyReply
        {
            ClusterId = ClusterId,
            Version = 12,
            PartitionCount = 2,
            HintEpoch = 9,
            Members = [Member(1, "n1", "a:7400"), Member(2, "n2", "b:7400"), Member(3, "n3", "c:7400")],
            Replicas = [1, 2, 3, 2, 3, 1],
            Leaders = [1, 0],
        }.Encode),
        ["status"] = Frame(FrameType.Status, 7, _ => { }),
        ["status-reply"] = Frame(FrameType.StatusReply, 7, new StatusReply
        {
            Node = 1,
            State = NodeState.Up,
            ClusterId = ClusterId,
            TopologyVersion = 12,
            Incarnation = 5,
            BootId = 2,
            UptimeMs = 60_000,
            PartitionCount = 2,
            Replicas = 2,
            Records = 1000,
            DataBytes = 300_000,
            WalBytes = 1 << 20,
            LagMs = 38,
            FsyncP95Us = 210,
            SkewMs = -1,
            AtRiskWrites = 3,
            Name = "n1",
            Address = "a:7400",
            Zone = "a",
            BuildVersion = "0.1.0",
            Leads = [0],
        }.Encode),
        ["explain"] = Frame(FrameType.Explain, 8, new ExplainRequest(Key).Encode),
        ["explain-reply"] = Frame(FrameType.ExplainReply, 8, new ExplainReply
        {
            Hash = KeyPartition.HashOf(Key),
            Partition = 1,
            PartitionCount = 2,
            RingPosition = 1UL << 63,
            Leader = 2,
            Replicas =
            [
                new ExplainReplica
                {
                    Node = 2, Name = "n2", Zone = "b", Reachable = true, Role = ReplicaRole.Primary, LeaderKnown = true, Term = 7, AppliedIndex = 318, LastIndex = 319,
                    CommitIndex = 318, Found = true, Revision = Revision, StalenessMs = 1,
                },
            ],
            LocalRead = new ExplainVerdict(true, ""),
            QuorumRead = new ExplainVerdict(true, ""),
            StrongWrite = new ExplainVerdict(false, "no quorum"),
        }.Encode),
        ["compressed"] = Frame(FrameType.Explain, 9, output => output.Write(new byte[2000]), new FrameOptions(Compress: true)),
    };

    private static TopologyMember Member(ushort node, string name, string address) => new(node, name, address, "", 1, WireMemberState.Active, Liveness.Up);

    private static byte[] Frame(FrameType type, ulong id, Action<IBufferWriter<byte>> body, FrameOptions options = default)
    {
        using var buffer = new FrameBuffer();
        var start = FrameWriter.Begin(buffer, type, id, options);
        body(buffer);
        FrameWriter.End(buffer, start, options);
        return buffer.Written.ToArray();
    }
}
