using KvStore.Protocol.Messages;

namespace KvStore.Protocol.Client;

/// <summary>How one attempt of a request ended: a value, a server's error, or a failure found by the client itself.</summary>
internal readonly struct Reply<T>
{
    public bool Ok { get; private init; }

    public T Value { get; private init; }

    /// <summary>What the server said, when it refused or failed.</summary>
    public ErrorReply? Error { get; private init; }

    /// <summary>What the client found, when there is no reply.</summary>
    public KvError Failure { get; private init; }

    public string Message { get; private init; }

    /// <summary>A byte of the request may have left this process.</summary>
    public bool Sent { get; private init; }

    public static Reply<T> From(T value) => new() { Ok = true, Value = value, Sent = true, Message = "" };

    public static Reply<T> Refused(ErrorReply error) => new() { Error = error, Sent = true, Value = default!, Message = "" };

    public static Reply<T> Failed(KvError failure, string message, bool sent) =>
        new() { Failure = failure, Message = message, Sent = sent, Value = default! };
}

/// <summary>Reads the body of the reply that was due.</summary>
internal delegate Reply<T> ReplyDecoder<T>(ReadOnlySpan<byte> body);
