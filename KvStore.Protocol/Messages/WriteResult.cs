namespace KvStore.Protocol.Messages;

/// <summary>
/// How one operation ended. In a reply to a single operation or an atomic batch it is always applied (failures are an <see cref="ErrorReply"/>);
/// in a reply to a per-partition batch each operation has its own <see cref="Error"/> and <see cref="Outcome"/>.
/// </summary>
public readonly record struct WriteResult
{
    public required Outcome Outcome { get; init; }

    public KvError Error { get; init; }

    /// <summary>Why, when there is an error; else empty or null.</summary>
    public string? Message { get; init; }

    public WriteMode Requested { get; init; }

    /// <summary>The consistency that was reached; means nothing unless the operation was applied.</summary>
    public WriteMode Achieved { get; init; }

    /// <summary>The revision this write gave the record; with <see cref="KvError.ConditionFailed"/> the one it found.</summary>
    public WireRevision Revision { get; init; }

    public ushort Partition { get; init; }

    /// <summary>The node that sequenced it.</summary>
    public ushort Primary { get; init; }

    /// <summary>The nodes that held it durably when it was acknowledged.</summary>
    public NodeList AckedBy { get; init; }

    /// <summary>Accepted without a reachable primary.</summary>
    public bool Detached { get; init; }

    /// <summary>A delete found a record.</summary>
    public bool Existed { get; init; }
}
