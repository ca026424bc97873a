using KvStore.Core.Primitives;
using KvStore.Core.Raft;

namespace KvStore.Tests.Raft;

/// <summary>The state of the test's state machine (a digest of everything applied) at an index.</summary>
internal sealed record TestSnapshot(LogIndex Index, Term Term, ulong Digest, RaftConfiguration Configuration)
{
    public ulong DigestAfter(TestEntry entry) => unchecked((Digest ^ entry.Payload ^ (entry.Term.Value << 48)) * 0x9E3779B97F4A7C15 + 1);
}
