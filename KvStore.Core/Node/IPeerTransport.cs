using KvStore.Core.Primitives;

namespace KvStore.Core.Node;

/// <summary>The three connections between two nodes, so that a heartbeat never waits behind a snapshot.</summary>
public enum PeerLane : byte
{
    /// <summary>Heartbeats, votes, acknowledgements, leadership confirmations.</summary>
    Control = 1,

    /// <summary>Log entries and forwarded requests.</summary>
    Log = 2,

    /// <summary>Snapshots.</summary>
    Bulk = 3,
}

/// <summary>Frame types between nodes; the client protocol leaves 0x40 to 0x7f to them.</summary>
public enum PeerFrame : byte
{
    Heartbeat = 0x40,
    Raft = 0x41,
    Forward = 0x42,
    ForwardReply = 0x43,
    SnapshotBegin = 0x44,
    SnapshotChunk = 0x45,
    SnapshotAck = 0x46,

    /// <summary>The dialling node's answer to the accepting node's nonce; the first frame after the handshake.</summary>
    Proof = 0x47,

    /// <summary>Cluster formation, on a client connection: promise to become a member, become one, give up.</summary>
    InitPrepare = 0x48,
    InitPrepared = 0x49,
    InitCommit = 0x4a,
    InitCommitted = 0x4b,
    InitAbort = 0x4c,
    InitAborted = 0x4d,
}

/// <summary>The network seam of a node. In production a few connections per peer, in simulation a queue.</summary>
public interface IPeerTransport
{
    /// <summary>
    /// Hands a frame to the lane's outgoing queue; copies the body and never blocks. False when the lane is down or its queue is full:
    /// not one byte of the frame was or will be sent. True promises nothing about arrival. A frame is never sent twice.
    /// </summary>
    bool TrySend(NodeId to, PeerLane lane, PeerFrame type, ulong requestId, ReadOnlySpan<byte> body);
}
