namespace KvStore.Protocol.Wire;

/// <summary>
/// The sizes that the contract promises. A request over one of them is answered <c>too_large</c> and the connection stays usable;
/// a frame over <see cref="FrameBytes"/> ends the connection.
/// </summary>
public static class Limits
{
    public const int KeyBytes = 4096;
    public const int ValueBytes = 16 << 20;
    public const int BatchOperations = 1000;

    /// <summary>Keys and values of one write request together.</summary>
    public const int BatchBytes = 16 << 20;

    /// <summary>Keys of one get request.</summary>
    public const int GetKeys = 1000;
    public const int ScanRecords = 10_000;

    /// <summary>Keys and values of one scan page, or values of one get reply, together.</summary>
    public const int ReplyBytes = 16 << 20;

    /// <summary>The largest value of a frame's length field, and the largest size of a body after decompression.</summary>
    public const int FrameBytes = 17 << 20;

    /// <summary>The largest value of the length field until the handshake is accepted.</summary>
    public const int HandshakeFrameBytes = 4096;

    /// <summary>How long a server waits for a complete Hello.</summary>
    public const int HandshakeTimeoutMs = 5000;

    /// <summary>Requests of one client connection that may wait for their answers; beyond, the server stops reading from it.</summary>
    public const int PendingRequests = 1024;

    /// <summary>Bytes of answers that may wait to be read by one client connection; beyond, the server stops reading from it.</summary>
    public const int PendingReplyBytes = 32 << 20;

    /// <summary>A connection whose peer takes no byte of the waiting answers for so long is closed.</summary>
    public const int StalledConnectionMs = 30_000;

    /// <summary>A side that has received nothing for so long sends a Ping.</summary>
    public const int PingAfterMs = 15_000;

    /// <summary>Idempotency id of a write.</summary>
    public const int RequestIdBytes = 64;

    public const int CursorBytes = 16 << 10;

    /// <summary>Addresses, names and zones.</summary>
    public const int NameBytes = 255;
    public const int MinPartitions = 16;
    public const int MaxPartitions = 4096;
    public const int DefaultPartitions = 256;
    public const int MinNodes = 3;
    public const int MaxNodes = 100;

    /// <summary>Replicas of every partition: a constant of the product.</summary>
    public const int Replicas = 3;
}
