using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;
using KvStore.Tests.Simulation.Checkers;

namespace KvStore.Tests.Simulation.Runs;

/// <summary>A write, or a batch of several to one partition.</summary>
internal sealed class WriteCall(ClientNotes notes, IReadOnlyList<ObservedWrite> writes, bool isBatch) : ClientCall
{
    public override FrameType Type => FrameType.Write;

    public override void Record((FrameType Type, byte[] Body)? reply, long nowNs)
    {
        var results = reply is { Type: FrameType.WriteReply } answer ? WriteReply.Decode(answer.Body) : [];
        var error = reply is { Type: FrameType.Error } failed ? ErrorReply.Decode(failed.Body) : (ErrorReply?)null;
        for (var i = 0; i < writes.Count; i++)
        {
            var write = writes[i] with { InvokedNs = InvokedNs, Batch = isBatch ? $"{notes.Number} {InvokedNs}" : null };
            // The revision that an error names is that of the record which the condition did not hold of.
            notes.Add(error is { } all ? Ended(write, isBatch && write.Condition.Kind == ConditionKind.None ? all with { CurrentRevision = null } : all, nowNs)
                : i < results.Length ? Ended(write, results[i], nowNs) : write);
        }
    }

    private static ObservedWrite Ended(ObservedWrite write, in ErrorReply error, long nowNs) => write with
    {
        CompletedNs = nowNs,
        Outcome = error.Outcome,
        Error = error.Code,
        Revision = error.CurrentRevision ?? WireRevision.None,
    };

    private static ObservedWrite Ended(ObservedWrite write, in WriteResult result, long nowNs) => write with
    {
        CompletedNs = nowNs,
        Outcome = result.Outcome,
        Error = result.Error,
        Revision = result.Revision,
        Existed = result.Existed,
        Achieved = result.Achieved,
        Primary = result.Primary,
        AckedBy = result.AckedBy.ToArray(),
    };
}
