using System.Buffers;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;

namespace KvStore.Tests.Protocol.Messages;

/// <summary>A message type under test: how to make a random body of it, and how to decode a body and encode it again.</summary>
public sealed record MessageCase(string Name, Func<Random, byte[]> Make, Func<ReadOnlyMemory<byte>, byte[]> Again)
{
    public override string ToString() => Name;
}

/// <summary>Every message of the protocol with random content, from a seeded generator.</summary>
internal static class RandomMessages
{
    public static readonly MessageCase[] All =
    [
        new("Hello", r => Bytes(RandomHello(r).Encode), b => Bytes(Hello.Decode(b.Span).Encode)),
        new("HelloAck", r => Bytes(RandomHelloAck(r).Encode), b => Bytes(HelloAck.Decode(b.Span).Encode)),
        new("Error", r => Bytes(RandomError(r).Encode), b => Bytes(ErrorReply.Decode(b.Span).Encode)),
        new("Write", r => Bytes(o => EncodeWrite(o, r)), b => Bytes(o => Reencode(o, WriteRequestView.Decode(b.Span)))),
        new("WriteReply", r => Bytes(o => WriteReply.Encode(o, Mode(r), RandomList(r, 4, RandomWriteResult))), b => Bytes(o => Reencode(o, WriteReply.Decode(b.Span), b.Span[0]))),
        new("Get", r => Bytes(o => GetRequest.Encode(o, Reads(r), RandomList(r, 5, RandomGetKey, 1))), b => Bytes(o => Reencode(o, GetRequestView.Decode(b.Span)))),
        new("GetReply", r => Bytes(o => GetReply.Encode(o, RandomList(r, 4, RandomReadResult))), b => Bytes(o => GetReply.Encode(o, GetReply.Decode(b.Span)))),
        new("Scan", r => Bytes(RandomScan(r).Encode), b => Bytes(ScanRequest.Decode(b.Span).Encode)),
        new("ScanReply", r => Bytes(o => ScanReply.Encode(o, RandomPage(r))), b => Bytes(o => ScanReply.Encode(o, ScanReply.Decode(b.Span)))),
        new("Init", r => Bytes(RandomInit(r).Encode), b => Bytes(InitRequest.Decode(b.Span).Encode)),
        new("InitReply", r => Bytes(RandomInitReply(r).Encode), b => Bytes(InitReply.Decode(b.Span).Encode)),
        new("TopologyReply", r => Bytes(RandomTopology(r).Encode), b => Bytes(TopologyReply.Decode(b.Span).Encode)),
        new("StatusReply", r => Bytes(RandomStatus(r).Encode), b => Bytes(StatusReply.Decode(b.Span).Encode)),
        new("Explain", r => Bytes(new ExplainRequest(Blob(r, 100)).Encode), b => Bytes(ExplainRequest.Decode(b.Span).Encode)),
        new("ExplainReply", r => Bytes(RandomExplain(r).Encode), b => Bytes(ExplainReply.Decode(b.Span).Encode)),
    ];

    public static byte[] Bytes(Action<IBufferWriter<byte>> encode)
    {
        var output = new ArrayBufferWriter<byte>();
        encode(output);
        return output.WrittenSpan.ToArray();
    }

    public static WireRevision Revision(Random r) => new(U64(r), U64(r), U64(r), U16(r));

    public static WriteOperation Operation(Random r) => new(
        r.Next(2) == 0 ? WriteKind.Put : WriteKind.Delete, Blob(r, 40), Blob(r, 300), U64(r), r.Next(4) switch
        {
            0 => WriteCondition.None,
            1 => WriteCondition.IfAbsent,
            2 => WriteCondition.IfVersion(U64(r), U64(r)),
            _ => WriteCondition.IfRevision(Revision(r)),
        });

    public static WriteResult RandomWriteResult(Random r) => new()
    {
        Outcome = (Outcome)r.Next(4),
        Error = (KvError)r.Next(20),
        Message = Text(r),
        Achieved = Mode(r),
        Revision = Revision(r),
        Partition = U16(r),
        Primary = U16(r),
        AckedBy = RandomNodes(r),
        Detached = r.Next(2) == 0,
        Existed = r.Next(2) == 0,
    };

    public static ReadResult RandomReadResult(Random r) => new()
    {
        Found = r.Next(2) == 0,
        Error = (KvError)r.Next(20),
        Value = Blob(r, 300),
        Revision = Revision(r),
        ExpiresAtMs = Maybe(r, U64),
        StalenessMs = Maybe(r, U64),
        Achieved = Reads(r),
        ServedBy = U16(r),
        Partition = U16(r),
        FromPrimary = r.Next(2) == 0,
        Detached = r.Next(2) == 0,
    };

    public static TopologyReply RandomTopology(Random r)
    {
        var partitions = 1 << r.Next(1, 7);
        return new TopologyReply
        {
            ClusterId = U128(r),
            Version = U64(r),
            PartitionCount = partitions,
            HintEpoch = U64(r),
            Members = RandomList(r, 5, m => new TopologyMember(U16(m), Text(m), Text(m), Text(m), (uint)m.Next(), (WireMemberState)m.Next(1, 4), (Liveness)m.Next(3))),
            Replicas = [.. Enumerable.Range(0, partitions * 3).Select(_ => U16(r))],
            Leaders = [.. Enumerable.Range(0, partitions).Select(_ => U16(r))],
        };
    }

    private static void EncodeWrite(IBufferWriter<byte> output, Random r) =>
        WriteRequest.Encode(output, Mode(r), RandomList(r, 5, Operation, 1), r.Next(2) == 0, Blob(r, 64));

    private static void Reencode(IBufferWriter<byte> output, WriteRequestView view)
    {
        var operations = new List<WriteOperation>();
        foreach (var operation in view)
            operations.Add(new WriteOperation(operation.Kind, operation.Key.ToArray(), operation.Value.ToArray(), operation.TtlMs, operation.Condition));
        WriteRequest.Encode(output, view.Mode, operations.ToArray(), view.PerPartition, view.RequestId);
    }

    private static void Reencode(IBufferWriter<byte> output, GetRequestView view)
    {
        var keys = new List<GetKey>();
        foreach (var key in view) keys.Add(new GetKey(key.Key.ToArray(), key.AtLeast));
        GetRequest.Encode(output, view.Consistency, keys.ToArray());
    }

    private static void Reencode(IBufferWriter<byte> output, WriteResult[] results, byte mode) => WriteReply.Encode(output, (WriteMode)mode, results);

    private static Hello RandomHello(Random r) => new()
    {
        MinVersion = (byte)r.Next(256),
        MaxVersion = (byte)r.Next(256),
        Role = (ConnectionRole)r.Next(1, 3),
        Lane = (ConnectionLane)r.Next(4),
        Node = U16(r),
        ClusterId = U128(r),
        Incarnation = U64(r),
        BootId = U64(r),
        Features = (Features)U64(r),
        Name = Text(r),
        AuthNonce = Blob(r, 40),
        AuthProof = Blob(r, 40),
    };

    private static HelloAck RandomHelloAck(Random r) => new()
    {
        Version = (byte)r.Next(256),
        Node = U16(r),
        ClusterId = U128(r),
        Incarnation = U64(r),
        BootId = U64(r),
        TopologyVersion = U64(r),
        Features = (Features)U64(r),
        KeyBytes = (uint)r.Next(),
        ValueBytes = (uint)r.Next(),
        FrameBytes = (uint)r.Next(),
        PendingRequests = (ushort)r.Next(1, 65536),
        BuildVersion = Text(r),
        AuthNonce = Blob(r, 40),
        AuthProof = Blob(r, 40),
    };

    private static ErrorReply RandomError(Random r) => new()
    {
        Code = (KvError)r.Next(30),
        Outcome = (Outcome)r.Next(4),
        Message = Text(r),
        Advice = Text(r),
        Retryable = r.Next(2) == 0,
        Partition = Maybe(r, U16),
        Leader = U16(r),
        CurrentRevision = Maybe(r, Revision),
        Missing = RandomList(r, 3, m => new MissingNode(U16(m), Text(m))),
    };

    private static GetKey RandomGetKey(Random r) => new(Blob(r, 60), r.Next(2) == 0 ? WireRevision.None : Revision(r));

    private static ScanRequest RandomScan(Random r) => new()
    {
        Consistency = Reads(r),
        KeysOnly = r.Next(2) == 0,
        LimitRecords = (uint)r.Next(),
        LimitBytes = (uint)r.Next(),
        Prefix = Blob(r, 30),
        Start = Blob(r, 30),
        End = Blob(r, 30),
        Cursor = Blob(r, 60),
    };

    private static ScanPage RandomPage(Random r) => new()
    {
        Records = RandomList(r, 6, m => new ScanRecord(Blob(m, 30, 1), Blob(m, 200), Revision(m), Maybe(m, x => (U64(x) >> 1) + 1))),
        More = r.Next(2) == 0,
        Cursor = Blob(r, 60),
        Achieved = Reads(r),
        Detached = r.Next(2) == 0,
        StalenessMs = Maybe(r, U64),
        Served = RandomList(r, 4, m => new ScanServer(U16(m), U16(m))),
    };

    private static InitRequest RandomInit(Random r) =>
        new() { Abort = r.Next(2) == 0, ClusterId = U128(r), Partitions = (uint)r.Next(), Members = RandomList(r, 5, Text) };

    private static InitReply RandomInitReply(Random r) => new()
    {
        State = (InitState)r.Next(1, 4),
        ClusterId = U128(r),
        Partitions = (uint)r.Next(),
        Members = RandomList(r, 4, m => new InitMember(U16(m), Text(m), Text(m))),
    };

    private static StatusReply RandomStatus(Random r) => new()
    {
        Node = U16(r),
        State = (NodeState)r.Next(1, 7),
        ClusterId = U128(r),
        TopologyVersion = U64(r),
        Incarnation = U64(r),
        BootId = U64(r),
        UptimeMs = U64(r),
        PartitionCount = (uint)r.Next(),
        Replicas = (uint)r.Next(),
        Records = U64(r),
        DataBytes = U64(r),
        WalBytes = U64(r),
        LagMs = (uint)r.Next(),
        FsyncP95Us = (uint)r.Next(),
        SkewMs = r.Next(int.MinValue, int.MaxValue),
        AtRiskWrites = U64(r),
        DetachedWrites = U64(r),
        Name = Text(r),
        Address = Text(r),
        Zone = Text(r),
        BuildVersion = Text(r),
        Leads = RandomList(r, 20, U16),
    };

    private static ExplainReply RandomExplain(Random r) => new()
    {
        Hash = U64(r),
        Partition = U16(r),
        PartitionCount = (uint)r.Next(),
        RingPosition = U64(r),
        Leader = U16(r),
        Replicas = RandomList(r, 4, RandomReplica),
        LocalRead = Verdict(r),
        QuorumRead = Verdict(r),
        StrongWrite = Verdict(r),
    };

    private static ExplainReplica RandomReplica(Random r) => new()
    {
        Node = U16(r),
        Name = Text(r),
        Zone = Text(r),
        Reachable = r.Next(2) == 0,
        Reason = Text(r),
        Role = (ReplicaRole)r.Next(5),
        LeaderKnown = r.Next(2) == 0,
        Term = U64(r),
        AppliedIndex = U64(r),
        LastIndex = U64(r),
        CommitIndex = U64(r),
        Found = r.Next(2) == 0,
        Tombstone = r.Next(2) == 0,
        Revision = Revision(r),
        ExpiresAtMs = Maybe(r, x => (U64(x) >> 1) + 1),
        StalenessMs = Maybe(r, U64),
        DetachedWrites = (uint)r.Next(),
    };

    private static ExplainVerdict Verdict(Random r) => new(r.Next(2) == 0, Text(r));

    private static NodeList RandomNodes(Random r)
    {
        var list = default(NodeList);
        for (var i = r.Next(5); i > 0; i--) list = list.With((ushort)r.Next(1, 65536));
        return list;
    }

    private static WriteMode Mode(Random r) => (WriteMode)r.Next(1, 3);

    private static ReadConsistency Reads(Random r) => (ReadConsistency)r.Next(1, 3);

    private static T[] RandomList<T>(Random r, int max, Func<Random, T> make, int min = 0) => [.. Enumerable.Range(0, r.Next(min, max + 1)).Select(_ => make(r))];

    private static T? Maybe<T>(Random r, Func<Random, T> make)
        where T : struct => r.Next(2) == 0 ? null : make(r);

    private static byte[] Blob(Random r, int max, int min = 0)
    {
        var bytes = new byte[r.Next(min, max + 1)];
        r.NextBytes(bytes);
        return bytes;
    }

    private static string Text(Random r) => string.Concat(Enumerable.Range(0, r.Next(12)).Select(_ => "aZ9:.-é€😀"[r.Next(7)]));

    private static ulong U64(Random r) => (ulong)r.NextInt64(long.MinValue, long.MaxValue);

    private static UInt128 U128(Random r) => new(U64(r), U64(r));

    private static ushort U16(Random r) => (ushort)r.Next(65536);
}
