using System.Buffers;
using System.Buffers.Binary;
using KvStore.Core.Primitives;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;

namespace KvStore.Core.Node;

/// <summary>A write of one partition: becomes one log entry at the primary.</summary>
internal sealed class RoutedWrite(Coordinator coordinator, in ClientRequest request, PartitionId partition, WriteMode mode, RequestKind kind, int operations)
    : RoutedRequest(coordinator, request, partition), IWriteCompletion
{
    public override RequestKind Kind => kind;

    public override bool NeedsMajority => mode == WriteMode.Strong;

    public void Complete(PendingWrite write, in WriteEnd end)
    {
        write.Release();
        switch (end.Verdict)
        {
            case WriteVerdict.Applied:
                ReplyApplied(end);
                break;
            case WriteVerdict.ConditionFailed:
                EndWithError(
                    KvError.ConditionFailed, end.Revision.IsNone ? "there is no record" : $"the record's revision is {end.Revision}",
                    current: end.Revision.ToWire());
                break;
            case WriteVerdict.NotPrimary or WriteVerdict.Superseded:
                OnNotPrimary(end.Leader);
                break;
            case WriteVerdict.Overloaded:
                EndWithError(KvError.Overloaded, "too much is waiting to be written");
                break;
            case WriteVerdict.DiskFull:
                EndWithError(KvError.DiskFull, "the primary's disk is full");
                break;
            case WriteVerdict.Damaged:
                EndWithError(KvError.Internal, write.Records!.Damage!.Message);
                break;
            case WriteVerdict.ShuttingDown:
                EndWithError(KvError.ShuttingDown, "the primary is stopping");
                break;
            case WriteVerdict.Expired:
                EndWithError(KvError.DeadlineExceeded, "the deadline passed before the write was taken up");
                break;
            default:
                EndUnknown(KvError.DeadlineExceeded, "the write is in the primary's log and was not decided in time");
                break;
        }
    }

    /// <summary>Encodes the request's operations as an entry payload whose header the primary fills in.</summary>
    protected override bool RunHere(Shard shard, ReadOnlySpan<byte> body)
    {
        var view = WriteRequestView.Decode(body);
        var size = EntryHeader.Size + 2;
        var relativeExpiry = false;
        foreach (var operation in view)
        {
            size += Convert(operation).EncodedSize;
            relativeExpiry |= operation.TtlMs != 0;
        }

        var entry = ArrayPool<byte>.Shared.Rent(size);
        BinaryPrimitives.WriteUInt16LittleEndian(entry.AsSpan(EntryHeader.Size), (ushort)operations);
        var at = EntryHeader.Size + 2;
        foreach (var operation in view) at += Convert(operation).Write(entry.AsSpan(at));
        var write = new PendingWrite
        {
            Partition = Partition,
            Fast = mode == WriteMode.Fast,
            DeadlineNs = DeadlineNs,
            Completion = this,
            Entry = entry,
            EntryLength = size,
            RelativeExpiry = relativeExpiry,
        };
        if (shard.TryPostWrite(write)) return true;
        write.Release();
        return false;
    }

    private static EntryOperation Convert(in WriteOperationView operation) => new()
    {
        Kind = operation.Kind,
        Condition = operation.Condition.Kind,
        Expected = operation.Condition.Revision.FromWire(),
        ExpiresAtMs = (long)Math.Min(operation.TtlMs, (ulong)long.MaxValue >> 16),
        Key = operation.Key,
        Value = operation.Value,
    };

    private void ReplyApplied(in WriteEnd end)
    {
        var result = new WriteResult
        {
            Outcome = Outcome.Applied,
            Requested = mode,
            Achieved = mode,
            Revision = end.Revision.ToWire(),
            Partition = Partition.Value,
            Primary = Coordinator.Self.Value,
            AckedBy = end.AckedBy,
            Existed = end.Existed,
        };
        var buffer = Coordinator.RentBuffer();
        if (operations == 1) WriteReply.Encode(buffer, result);
        else
        {
            var results = new WriteResult[operations];
            Array.Fill(results, result);
            WriteReply.Encode(buffer, mode, results);
        }

        End(FrameType.WriteReply, buffer.Written, KvError.None, Outcome.Applied);
        Coordinator.ReturnBuffer(buffer);
    }
}
