namespace KvStore.Protocol.Wire;

/// <summary>What is wrong with received bytes.</summary>
public enum WireError : byte
{
    /// <summary>A body ends before its fields do.</summary>
    Truncated = 1,

    /// <summary>A field holds what it must not.</summary>
    Malformed,

    /// <summary>The length field is above the limit.</summary>
    FrameTooLarge,

    /// <summary>The length field is below the size of the header.</summary>
    FrameTooSmall,

    BadChecksum,

    /// <summary>A compressed body does not decompress to the size it states.</summary>
    BadCompression,
}

/// <summary>
/// Received bytes are not what this protocol says: the only exception that readers and decoders throw.
/// From <see cref="FrameReader"/> it means that the stream is lost and the connection must be closed; from the decoder of a message, that this
/// one request is invalid and the connection may go on.
/// </summary>
public sealed class WireException(WireError error, string message) : Exception(message)
{
    public WireError Error { get; } = error;
}
