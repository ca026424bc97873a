using KvStore.Protocol.Messages;

namespace KvStore.Protocol.Client;

/// <summary>A request failed. For a write, <see cref="Outcome"/> says what is known of its effect, and says it truthfully.</summary>
public sealed class KvException : Exception
{
    public KvException(KvError code, string message, Outcome outcome = Outcome.None)
        : base(message)
    {
        Code = code;
        Outcome = outcome;
    }

    /// <summary>From a server's error.</summary>
    /// <param name="outcome">Of the whole request: one attempt whose effect is unknown makes it unknown, whatever the last reply says.</param>
    public KvException(ErrorReply reply, Outcome outcome)
        : this(reply.Code, reply.Message, outcome)
    {
        Retryable = reply.Retryable;
        Advice = reply.Advice;
        Missing = reply.Missing;
        CurrentRevision = reply.CurrentRevision;
        Partition = reply.Partition;
    }

    public KvError Code { get; }

    /// <summary><see cref="Messages.Outcome.None"/> unless the request was a write.</summary>
    public Outcome Outcome { get; }

    /// <summary>The same request may succeed later without anybody changing it.</summary>
    public bool Retryable { get; init; }

    /// <summary>What to do about it; may be empty.</summary>
    public string Advice { get; init; } = "";

    public IReadOnlyList<MissingNode> Missing { get; init; } = [];

    /// <summary>With <see cref="KvError.ConditionFailed"/>: what the record is now.</summary>
    public WireRevision? CurrentRevision { get; init; }

    public ushort? Partition { get; init; }
}
