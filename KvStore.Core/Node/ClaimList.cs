using KvStore.Core.Primitives;

namespace KvStore.Core.Node;

/// <summary>What this node leads, with the sequence at which each claim last changed, so that a peer can be sent the difference to what it confirmed.</summary>
public sealed class OwnClaims(int partitionCount)
{
    private readonly LeaderClaim[] _claims = new LeaderClaim[partitionCount];
    private readonly ulong[] _changedAt = new ulong[partitionCount];

    private bool _changed;

    /// <summary>Rises by one in each round in which anything changed.</summary>
    public ulong Sequence { get; private set; } = 1;

    public ulong Digest { get; private set; }

    /// <summary>Sets what is led now; a default claim withdraws.</summary>
    public void Set(int partition, LeaderClaim claim)
    {
        ref var known = ref _claims[partition];
        if (known == claim) return;
        if (!known.IsWithdrawn) Digest -= known.Digest();
        if (!claim.IsWithdrawn) Digest += claim.Digest();
        known = claim;
        _changedAt[partition] = Sequence + 1;
        _changed = true;
    }

    /// <summary>Ends a round of <see cref="Set"/> calls.</summary>
    public void Seal()
    {
        if (_changed) Sequence++;
        _changed = false;
    }

    public LeaderClaim this[int partition] => _claims[partition];

    /// <summary>Adds what changed after <paramref name="sequence"/>; with 0, everything that is claimed.</summary>
    public void CopyChangesSince(ulong sequence, List<LeaderClaim> changes)
    {
        for (var i = 0; i < _claims.Length; i++)
        {
            if (sequence == 0 && _claims[i].IsWithdrawn) continue;
            if (_changedAt[i] > sequence) changes.Add(_claims[i] with { Partition = new PartitionId((ushort)i) });
        }
    }
}

/// <summary>What one peer says it leads, as far as this node has heard.</summary>
public sealed class PeerClaims(int partitionCount)
{
    private readonly LeaderClaim[] _claims = new LeaderClaim[partitionCount];
    private ulong _digest;

    /// <summary>Sequence of the peer's list that is held whole; 0 = none, so nothing that it claims counts.</summary>
    public ulong Confirmed { get; private set; }

    public LeaderClaim this[int partition] => _claims[partition];

    public int Count => _claims.Length;

    /// <summary>Takes a heartbeat's changes. False if what is held now is not the peer's whole list: it must send all of it.</summary>
    public bool Apply(Heartbeat heartbeat)
    {
        if (heartbeat.BaseSequence == 0) Clear();
        else if (heartbeat.BaseSequence > Confirmed) return Fail();
        foreach (var claim in heartbeat.Changes)
        {
            if (claim.Partition.Value >= _claims.Length) return Fail();
            ref var known = ref _claims[claim.Partition.Value];
            if (!known.IsWithdrawn) _digest -= known.Digest();
            if (!claim.IsWithdrawn) _digest += claim.Digest();
            known = claim.IsWithdrawn ? default : claim;
        }

        if (_digest != heartbeat.Digest) return Fail();
        Confirmed = heartbeat.Sequence;
        return true;
    }

    /// <summary>Forgets everything: the peer died, or it started anew.</summary>
    public void Clear()
    {
        Array.Clear(_claims);
        _digest = 0;
        Confirmed = 0;
    }

    private bool Fail()
    {
        Clear();
        return false;
    }
}
