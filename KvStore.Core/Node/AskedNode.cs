using KvStore.Core.Primitives;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;

namespace KvStore.Core.Node;

/// <summary>A part of a request that one certain node answers from its own replicas: a share of a scan page, or what it knows of a key. Never a write.</summary>
internal sealed class AskedNode(Coordinator coordinator, in ClientRequest request, NodeId node) : RoutedRequest(coordinator, request, default), IReplySink
{
    public override RequestKind Kind => RequestKind.Scan;

    public override bool NeedsMajority => false;

    public override bool MayWait => false;

    protected override bool IsObserved => false;

    public override NodeId TargetOf(Heartbeats heartbeats) => heartbeats.IsAlive(node) ? node : default;

    public void Reply(ulong requestId, FrameType type, ReadOnlySpan<byte> body) => End(type, body, KvError.None, Outcome.None);

    protected override bool RunHere(Shard shard, ReadOnlySpan<byte> body)
    {
        Coordinator.Submit(new ClientRequest { Type = Type, Id = 0, DeadlineNs = DeadlineNs, Body = body, Sink = this, Forwarded = true });
        return true;
    }
}
