using System.Runtime.InteropServices;
using KvStore.Core.Primitives;

namespace KvStore.Core.Raft;

/// <summary>The answers to one round of questions to the voters: (pre-)votes or read confirmations.</summary>
internal sealed class VoteTally
{
    private readonly List<ReplicaId> _granted = new(8);
    private readonly List<ReplicaId> _denied = new(8);

    public void Clear()
    {
        _granted.Clear();
        _denied.Clear();
    }

    /// <summary>Counts the first answer of a replica; a repeated one changes nothing.</summary>
    public void Record(ReplicaId from, bool granted)
    {
        if (_granted.Contains(from) || _denied.Contains(from)) return;
        (granted ? _granted : _denied).Add(from);
    }

    public bool IsWon(RaftConfiguration configuration) =>
        !configuration.IsEmpty && Quorum.IsMajority(configuration, CollectionsMarshal.AsSpan(_granted));

    public bool IsLost(RaftConfiguration configuration) => Quorum.IsBlocked(configuration, CollectionsMarshal.AsSpan(_denied));

    public bool HasAnswered(ReplicaId replica) => _granted.Contains(replica) || _denied.Contains(replica);
}
