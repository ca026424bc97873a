namespace KvStore.Bench.Peers.Redis;

/// <summary>Kinds of RESP2 replies that the benchmark's commands get.</summary>
internal enum RespKind
{
    SimpleString,
    Error,
    Integer,
    BulkString,
}

/// <summary>
/// One reply. <see cref="Number"/> is an integer's value or a bulk string's length in bytes
/// (-1: nil); the bytes themselves are not kept. <see cref="Text"/> is an error's message.
/// </summary>
internal readonly record struct RespReply(RespKind Kind, long Number, string? Text);
