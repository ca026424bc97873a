using KvStore.Core.Primitives;

namespace KvStore.Core.Raft;

/// <summary>The messages waiting to be taken, and who signs them.</summary>
internal sealed class Outbox(ReplicaId self)
{
    public List<OutgoingMessage> Messages { get; } = new(16);

    public void Send(ReplicaId to, RaftMessage message, bool afterDurable = false) =>
        Messages.Add(new OutgoingMessage(message with { From = self, To = to }, afterDurable));

    /// <summary>Says yes to a PreVote or Vote.</summary>
    public void Grant(in RaftMessage question, bool afterDurable) =>
        Send(question.From, Answer(question) with { Term = question.Term }, afterDurable);

    /// <summary>Says no to a PreVote or Vote, and tells the own term.</summary>
    public void Deny(in RaftMessage question, Term term, RejectReason reason, bool afterDurable) =>
        Send(question.From, Answer(question) with { Term = term, Reject = reason }, afterDurable);

    private static RaftMessage Answer(in RaftMessage question) => new()
    {
        Type = question.Type == RaftMessageType.Vote ? RaftMessageType.VoteReply : RaftMessageType.PreVoteReply,
        Context = question.Context,
    };
}
