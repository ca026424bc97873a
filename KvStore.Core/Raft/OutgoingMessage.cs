namespace KvStore.Core.Raft;

/// <summary>
/// A message to send. With <paramref name="AfterDurable"/> it may leave only when everything handed to the log so far (entries,
/// truncation, hard state, that of the same <see cref="RaftReady"/> included) is durable; otherwise at once.
/// </summary>
public readonly record struct OutgoingMessage(RaftMessage Message, bool AfterDurable);
