namespace KvStore.Protocol.Wire;

/// <summary>What a frame's body is. From 0x10 to 0x3f a request is even and its reply is the next odd number. Numbers never change meaning.</summary>
public enum FrameType : byte
{
    Hello = 0x01,
    HelloAck = 0x02,

    /// <summary>The reply to a request that failed; with request id 0, why the connection is being closed.</summary>
    Error = 0x03,
    Ping = 0x04,
    Pong = 0x05,

    Write = 0x10,
    WriteReply = 0x11,
    Get = 0x12,
    GetReply = 0x13,
    Scan = 0x14,
    ScanReply = 0x15,

    Init = 0x20,
    InitReply = 0x21,
    Topology = 0x22,
    TopologyReply = 0x23,
    Status = 0x24,
    StatusReply = 0x25,
    Explain = 0x26,
    ExplainReply = 0x27,

    /// <summary>The first of the types that only nodes send to each other.</summary>
    FirstPeer = 0x40,

    /// <summary>The last of them.</summary>
    LastPeer = 0x7f,
}

/// <summary>Optional parts of a frame. A receiver refuses bits it does not know: they may change the layout.</summary>
[Flags]
public enum FrameFlags : byte
{
    None = 0,

    /// <summary>The body is u32 raw length, then one LZ4 block.</summary>
    Compressed = 1,

    /// <summary>u32 follows the header: milliseconds left until the sender gives up.</summary>
    Deadline = 2,

    /// <summary>A <see cref="TraceContext"/> follows the header and the deadline.</summary>
    Trace = 4,
}
