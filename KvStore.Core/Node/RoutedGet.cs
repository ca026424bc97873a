using KvStore.Core.Io;
using KvStore.Core.Primitives;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;

namespace KvStore.Core.Node;

/// <summary>
/// A get of one key that the primary must answer: a quorum read, or a local read that must not be older than a revision this node's replica
/// has not reached.
/// </summary>
internal sealed class RoutedGet : RoutedRequest, IBarrierCompletion
{
    private readonly byte[] _key;
    private readonly bool _quorum;
    private readonly Primitives.Version _atLeast;

    public RoutedGet(Coordinator coordinator, in ClientRequest request, PartitionId partition, in GetKeyView key, ReadConsistency consistency)
        : base(coordinator, request, partition)
    {
        _key = key.Key.ToArray();
        _quorum = consistency == ReadConsistency.Quorum;
        _atLeast = key.AtLeast.FromWire().Version;
    }

    public override RequestKind Kind => RequestKind.Get;

    public override bool NeedsMajority => _quorum;

    public void OnBarrier(PartitionId partition, BarrierVerdict verdict, NodeId leader)
    {
        switch (verdict)
        {
            case BarrierVerdict.Ready:
                if (!TryReply(partition, mayBlock: false)) ReplyFromDisk(partition);
                break;
            case BarrierVerdict.NotPrimary:
                OnNotPrimary(leader);
                break;
            default:
                EndWithError(KvError.DeadlineExceeded, _quorum
                    ? "a majority did not confirm the primary in time"
                    : $"the primary has not reached {_atLeast} in time");
                break;
        }
    }

    /// <summary>A slow disk must not hold up the shard, whose thread this is. What is read later reflects no less than what was confirmed.</summary>
    private void ReplyFromDisk(PartitionId partition)
    {
        var taken = Coordinator.TryReadCold(partition, _key.Length, () =>
        {
            if (Coordinator.NowNs < DeadlineNs) TryReply(partition, mayBlock: true);
            else EndWithError(KvError.DeadlineExceeded, "the disk was not asked in time: many reads wait for it");
        });
        if (!taken) EndWithError(KvError.Overloaded, "too many reads wait for the disk");
    }

    /// <summary>False if only the disk can tell, and it may not be asked.</summary>
    private bool TryReply(PartitionId partition, bool mayBlock)
    {
        var consistency = _quorum ? ReadConsistency.Quorum : ReadConsistency.Local;
        var buffer = Coordinator.RentBuffer();
        var answered = true;
        try
        {
            var writer = GetReply.Begin(buffer, 1);
            if (mayBlock) Coordinator.Reads.Append(ref writer, partition, _key, consistency, int.MaxValue);
            else answered = Coordinator.Reads.TryAppendFromMemory(ref writer, partition, _key, consistency);
            if (answered)
            {
                writer.Complete();
                End(FrameType.GetReply, buffer.Written, KvError.None, Outcome.None);
            }
        }
        catch (IOException damage) when (damage is CorruptionException or DiskException)
        {
            // A damaged block costs this answer, not the node.
            EndWithError(KvError.Internal, damage.Message);
        }

        Coordinator.ReturnBuffer(buffer);
        return answered;
    }

    protected override bool RunHere(Shard shard, ReadOnlySpan<byte> body) => shard.TryPostRead(new ReadBarrier
    {
        Partition = Partition,
        DeadlineNs = DeadlineNs,
        Completion = this,
        AtLeast = _quorum ? default : _atLeast,
    });
}
