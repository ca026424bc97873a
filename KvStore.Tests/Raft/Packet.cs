using KvStore.Core.Raft;

namespace KvStore.Tests.Raft;

/// <summary>What travels between replicas: a Raft message with the entries of an Append, or a snapshot.</summary>
internal sealed record Packet(RaftMessage Message, TestEntry[] Entries, TestSnapshot? Snapshot = null)
{
    public override string ToString()
    {
        var m = Message;
        var route = $"{m.From.Value}->{m.To.Value}";
        if (Snapshot is { } snapshot) return $"{route} Snapshot at {snapshot.Index}/{snapshot.Term} {snapshot.Configuration}";
        var text = $"{route} {m.Type} term={m.Term}";
        switch (m.Type)
        {
            case RaftMessageType.PreVote or RaftMessageType.Vote:
                text += $" last={m.Index}/{m.LogTerm}";
                break;
            case RaftMessageType.Append:
                text += $" prev={m.Index}/{m.LogTerm} commit={m.Commit}";
                if (m.EntryCount > 0) text += $" entries=[{string.Join(' ', Entries.Select((e, i) => $"{m.Index + (ulong)i + 1}/{e.Term}"))}]";
                break;
            case RaftMessageType.AppendReply when m.Reject == RejectReason.None:
                text += $" match={m.Index} commit={m.Commit}";
                break;
            case RaftMessageType.AppendReply:
                text += $" prev={m.Index} hint={m.Hint}/{m.LogTerm}";
                break;
            case RaftMessageType.ReadConfirm or RaftMessageType.ReadConfirmReply:
                text += $" round={m.Context} commit={m.Commit}";
                break;
        }

        if (m.Transfer) text += " transfer";
        return m.Reject == RejectReason.None ? text : $"{text} reject={m.Reject}";
    }
}
