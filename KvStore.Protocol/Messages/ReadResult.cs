using System.Text;

namespace KvStore.Protocol.Messages;

/// <summary>What a replica answered for one key.</summary>
public readonly record struct ReadResult
{
    public KvError Error { get; init; }

    public required bool Found { get; init; }

    /// <summary>The record's value when it was found; the error's message in UTF-8 when there is an error; else empty.</summary>
    public ReadOnlyMemory<byte> Value { get; init; }

    /// <summary>The record's revision; of an absent key none, or that of its tombstone.</summary>
    public WireRevision Revision { get; init; }

    /// <summary>Milliseconds since the Unix epoch; null = never.</summary>
    public ulong? ExpiresAtMs { get; init; }

    public ReadConsistency Achieved { get; init; }

    public ushort ServedBy { get; init; }

    public ushort Partition { get; init; }

    /// <summary>The answering replica believed to be the primary.</summary>
    public bool FromPrimary { get; init; }

    /// <summary>The answering replica was cut off from the primary.</summary>
    public bool Detached { get; init; }

    /// <summary>Upper bound in milliseconds on how old the answer may be; null = there is no bound.</summary>
    public ulong? StalenessMs { get; init; }

    /// <summary>Why, when there is an error.</summary>
    public string ErrorMessage => Error == KvError.None ? "" : Encoding.UTF8.GetString(Value.Span);
}
