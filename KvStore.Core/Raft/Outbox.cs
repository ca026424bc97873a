using KvStore.Core.Primitives;

namespace KvStore.Core.Raft;

/// <summary>The messages waiting to be taken, and who signs them.</summary>
internal sealed class Outbox(ReplicaId self)
{
    public List<OutgoingMessage> Messages { get; } = new(16);

    public void Send(ReplicaId to, RaftMessage message, bool afterDurable = false) =>
        Messages.Add(new OutgoingMessage(message with { From = self, To = to }, afterDurable));
}
