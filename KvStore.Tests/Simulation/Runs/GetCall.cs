using System.Text;
using KvStore.Core.Primitives;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;
using KvStore.Tests.Simulation.Checkers;

namespace KvStore.Tests.Simulation.Runs;

/// <summary>A get of one key, or of several, each of which has an answer of its own.</summary>
internal sealed class GetCall(ClientNotes notes, IReadOnlyList<(string Key, WireRevision AtLeast)> keys, ReadConsistency consistency) : ClientCall
{
    public override FrameType Type => FrameType.Get;

    public override void Record((FrameType Type, byte[] Body)? reply, long nowNs)
    {
        if (reply is not { } answer) return;
        if (answer.Type == FrameType.Error)
        {
            var error = ErrorReply.Decode(answer.Body);
            notes.AddReadError(error.Code, error.Outcome, error.Message);
            return;
        }

        var results = GetReply.Decode(answer.Body);
        Invariant.Check(results.Length == keys.Count); // an answer for each key, in their order
        if (keys.Count > 1) notes.CountGetOfMany();
        for (var i = 0; i < results.Length; i++) Record(keys[i].Key, keys[i].AtLeast, results[i], nowNs);
    }

    private void Record(string key, WireRevision atLeast, in ReadResult result, long nowNs)
    {
        if (result.Error != KvError.None)
        {
            notes.AddReadError(result.Error, Outcome.None, Encoding.UTF8.GetString(result.Value.Span));
            return;
        }

        notes.Add(new ObservedRead
        {
            Client = notes.Number,
            Key = key,
            Partition = notes.PartitionOf(key),
            NamedPartition = result.Partition,
            Consistency = consistency,
            Achieved = result.Achieved,
            InvokedNs = InvokedNs,
            CompletedNs = nowNs,
            Value = result.Found ? TaggedValue.WordOf(result.Value.Span) : null,
            Revision = result.Revision,
            StalenessMs = result.StalenessMs,
            AtLeast = atLeast,
            ServedBy = result.ServedBy,
        });
    }
}
