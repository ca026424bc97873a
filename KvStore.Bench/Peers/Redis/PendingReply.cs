using System.Threading.Tasks.Sources;

namespace KvStore.Bench.Peers.Redis;

/// <summary>
/// The answer that one closed-loop client waits for: made once per client and reused, so that an
/// operation allocates nothing. A request of several commands completes with its last reply, or
/// with the first error among them.
/// </summary>
internal sealed class PendingReply : IValueTaskSource<RespReply>
{
    // Continuations run inline on the receiving loop: the client's next request joins the same
    // outgoing batch, and no thread is woken per reply.
    private ManualResetValueTaskSourceCore<RespReply> _core;
    private int _missing;
    private RespReply? _error;

    /// <summary>Makes it ready for a request that gets <paramref name="replies"/> replies.</summary>
    public ValueTask<RespReply> Arm(int replies)
    {
        _core.Reset();
        _missing = replies;
        _error = null;
        return new ValueTask<RespReply>(this, _core.Version);
    }

    /// <summary>Takes one reply; true if it was the last one, and <see cref="Complete"/> is due.</summary>
    public bool Take(RespReply reply)
    {
        if (reply.Kind == RespKind.Error)
            _error ??= reply;
        return --_missing == 0;
    }

    public void Complete(RespReply last) => _core.SetResult(_error ?? last);

    public void Fail(Exception error) => _core.SetException(error);

    RespReply IValueTaskSource<RespReply>.GetResult(short token) => _core.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<RespReply>.GetStatus(short token) => _core.GetStatus(token);

    void IValueTaskSource<RespReply>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);
}
