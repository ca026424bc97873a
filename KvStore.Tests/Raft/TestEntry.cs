using KvStore.Core.Primitives;
using KvStore.Core.Raft;

namespace KvStore.Tests.Raft;

/// <summary>A log entry with its payload: a number (0 for an empty entry), or a configuration.</summary>
internal sealed record TestEntry(Term Term, ulong Payload, int Size, RaftConfiguration? Configuration = null)
{
    public EntryMeta Meta => new(Term, Size, Configuration is not null);
}
