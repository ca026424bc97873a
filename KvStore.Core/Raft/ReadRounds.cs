using KvStore.Core.Primitives;

namespace KvStore.Core.Raft;

/// <summary>
/// Read confirmations (thesis, 6.4), batched: one round is under way, the next gathers. A read joins the gathering round only, for
/// answers to a question asked before the read arrived prove nothing about the time after. Round numbers never repeat in a process.
/// </summary>
internal sealed class ReadRounds
{
    private readonly VoteTally _answers = new();
    private ulong _gathering = 1;

    /// <summary>The round asked about, or 0.</summary>
    public ulong Asked { get; private set; }

    /// <summary>A read waits for the next round.</summary>
    public bool IsWaiting { get; private set; }

    public RetransmitTimer Timer = new();

    public bool CanStart => IsWaiting && Asked == 0;

    public ulong Join()
    {
        IsWaiting = true;
        return _gathering;
    }

    /// <summary>Turns the gathering round into the one under way and returns it.</summary>
    public ulong Start(ReplicaId self)
    {
        Asked = _gathering++;
        IsWaiting = false;
        _answers.Clear();
        _answers.Record(self, granted: true);
        return Asked;
    }

    public bool HasAnswered(ReplicaId replica) => _answers.HasAnswered(replica);

    /// <summary>Counts an answer; false if it is for another round.</summary>
    public bool Record(ReplicaId from, ulong round)
    {
        if (round != Asked || Asked == 0) return false;
        _answers.Record(from, granted: true);
        return true;
    }

    /// <summary>Ends the round under way if a majority answered, and returns it; else 0.</summary>
    public ulong TakeConfirmed(RaftConfiguration configuration)
    {
        if (Asked == 0 || !_answers.IsWon(configuration)) return 0;
        var confirmed = Asked;
        Asked = 0;
        Timer.Stop();
        return confirmed;
    }

    /// <summary>Gives up all reads; true if there were any.</summary>
    public bool Abandon()
    {
        var any = IsWaiting || Asked != 0;
        if (IsWaiting) _gathering++;
        IsWaiting = false;
        Asked = 0;
        Timer.Stop();
        return any;
    }
}
