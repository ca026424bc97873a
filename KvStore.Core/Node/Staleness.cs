using KvStore.Core.Primitives;

namespace KvStore.Core.Node;

/// <summary>
/// The upper bound on how old a local answer of one replica may be.
/// </summary>
/// <remarks>
/// A follower sends each peer its own clock reading s; the primary, after it arrived, reads its last log index L and echoes s.
/// Every write acknowledged before s was read then has an index of at most L, so once the follower has applied L its state is not older than s.
/// The age of a heartbeat's receipt would be wrong (it may have waited in a socket), and so would the commit index
/// (a fast write is acknowledged before it commits). Only one attestation is pending at a time: replacing it with each newer one
/// would never complete under steady writes.
/// </remarks>
public sealed class Staleness
{
    private readonly Lock _gate = new();
    private long _baseNs;
    private long _pendingNs;
    private Term _pendingTerm;
    private LogIndex _pendingIndex;
    private long _newestNs;
    private LogIndex _newestIndex;

    /// <summary>The primary of <paramref name="term"/> says that its log ended at <paramref name="last"/> some time after this node's clock read <paramref name="sentNs"/>.</summary>
    /// <param name="durableTerm">This replica's durable term: an attestation of any other term is worth nothing here.</param>
    public void Attest(Term term, LogIndex last, long sentNs, Term durableTerm, LogIndex applied)
    {
        if (term != durableTerm) return;
        lock (_gate)
        {
            if (_pendingTerm != term) _pendingNs = 0;
            Promote(applied);
            _newestNs = sentNs;
            _newestIndex = last;
            if (_pendingNs == 0) TakeNewest(term);
            Promote(applied);
        }
    }

    /// <summary>The primary itself: a majority followed it in its term when it sent the ping with this stamp.</summary>
    public void Confirm(long sentNs)
    {
        lock (_gate)
        {
            _pendingNs = 0;
            _newestNs = 0;
            if (sentNs > _baseNs) _baseNs = sentNs;
        }
    }

    /// <summary>The replica's state was replaced; nothing is known of it until the primary attests again.</summary>
    public void Forget()
    {
        lock (_gate) _baseNs = _pendingNs = _newestNs = 0;
    }

    /// <summary>The clock reading (ns since boot) up to which everything acknowledged is in the state with <paramref name="applied"/>; 0 = none since the process started. Read it before the view.</summary>
    public long BaseNs(Term term, LogIndex applied)
    {
        lock (_gate)
        {
            if (_pendingTerm == term) Promote(applied);
            return _baseNs;
        }
    }

    /// <summary>The bound in milliseconds, rounded up, with 1,000 ppm for the drift between two clocks; null = no bound.</summary>
    public static long? BoundMs(long baseNs, long nowNs) => baseNs == 0 ? null : (long)Math.Ceiling(Math.Max(0, nowNs - baseNs) * 1.001 / 1e6) + 1;

    private void Promote(LogIndex applied)
    {
        while (_pendingNs != 0 && applied >= _pendingIndex)
        {
            if (_pendingNs > _baseNs) _baseNs = _pendingNs;
            _pendingNs = 0;
            if (_newestNs > _baseNs) TakeNewest(_pendingTerm);
        }
    }

    private void TakeNewest(Term term)
    {
        _pendingTerm = term;
        _pendingNs = _newestNs;
        _pendingIndex = _newestIndex;
        _newestNs = 0;
    }
}
