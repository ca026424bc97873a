using KvStore.Protocol.Messages;

namespace KvStore.Tests.Simulation.Checkers;

/// <summary>A record as one replica stores it at the end. Empty value and <see cref="IsTombstone"/>: deleted.</summary>
/// <param name="ExpiresAtMs">0: never.</param>
internal sealed record ReplicaRecord(string Value, WireRevision Revision, long ExpiresAtMs, bool IsTombstone)
{
    public RecordVersion Version => RecordVersion.Of(Revision);
}
