using System.Runtime.CompilerServices;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;

namespace KvStore.Protocol.Client;

/// <summary>Carries one request through as many attempts as <see cref="RetryPolicy"/> and its deadline allow.</summary>
internal sealed class RequestRunner(Router router)
{
    // An attempt that has no time left turns what was definitely not applied into something unknown.
    private const int ShortestAttemptMs = 50;

    /// <exception cref="KvException">The request failed; for a write with its outcome.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<T> RunAsync<TBody, T>(
        TBody body, ReplyDecoder<T> decode, Target target, Deadline deadline, TraceContext trace, CancellationToken cancellation)
        where TBody : struct, IRequestBody
    {
        var policy = new RetryPolicy(isWrite: body.Type == FrameType.Write);
        NodeChannel? avoid = null;
        while (true)
        {
            if (cancellation.IsCancellationRequested)
                throw new KvException(KvError.Cancelled, "given up by the caller", body.Type == FrameType.Write ? Outcome.NotApplied : Outcome.None);
            var channel = router.Choose(target, policy.Attempts, avoid);
            var reply = channel?.Ready() is { } ready
                ? await ready.SendAsync(body, decode, deadline, trace, cancellation).ConfigureAwait(false)
                : await ConnectAndSendAsync(channel, body, decode, deadline, trace, cancellation).ConfigureAwait(false);
            if (reply.Ok) return reply.Value;
            Learn(reply.Error, target);
            if (!policy.MayRetry(reply, out var pauseMs) || deadline.RemainingMs < pauseMs + ShortestAttemptMs)
                throw ToException(reply, policy.OutcomeOf(reply));
            avoid = channel;
            if (pauseMs > 0) await Pause(pauseMs, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>One attempt at one node: for requests that mean that node.</summary>
    public async ValueTask<T> RunAtAsync<TBody, T>(
        NodeChannel channel, TBody body, ReplyDecoder<T> decode, Deadline deadline, CancellationToken cancellation)
        where TBody : struct, IRequestBody
    {
        var reply = await ConnectAndSendAsync(channel, body, decode, deadline, default, cancellation).ConfigureAwait(false);
        return reply.Ok ? reply.Value : throw ToException(reply, reply.Error?.Outcome ?? Outcome.None);
    }

    private static async ValueTask<Reply<T>> ConnectAndSendAsync<TBody, T>(
        NodeChannel? channel, TBody body, ReplyDecoder<T> decode, Deadline deadline, TraceContext trace, CancellationToken cancellation)
        where TBody : struct, IRequestBody
    {
        if (channel is null) return Reply<T>.Failed(KvError.Unreachable, "no node answers", sent: false);
        var (connection, failure) = await channel.ConnectAsync(deadline, cancellation).ConfigureAwait(false);
        if (connection is not null) return await connection.SendAsync(body, decode, deadline, trace, cancellation).ConfigureAwait(false);
        return Reply<T>.Failed(failure?.Code ?? KvError.Unreachable, failure?.Message ?? "the connection closed at once", sent: false);
    }

    private void Learn(ErrorReply? error, in Target target)
    {
        if (router.Table is not { } table) return;
        var partition = error?.Partition ?? target.Partition;
        var knowsLeader = error is { Leader: > 0 };
        if (partition is { } known && (knowsLeader || error is { Code: KvError.NotLeader })) table.LearnLeader(known, error!.Leader);
        if (!knowsLeader) router.Refresh();
    }

    private static async ValueTask Pause(int pauseMs, CancellationToken cancellation)
    {
        try
        {
            await Task.Delay(pauseMs, cancellation).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // Found out before the next attempt.
        }
    }

    private static KvException ToException<T>(in Reply<T> reply, Outcome outcome) => reply.Error is { } error
        ? new KvException(error, outcome)
        : new KvException(reply.Failure, reply.Message, outcome) { Retryable = reply.Failure is KvError.Unreachable or KvError.ConnectionLost };
}
