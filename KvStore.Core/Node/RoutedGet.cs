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
                ReplyWithRecord(partition);
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

    private void ReplyWithRecord(PartitionId partition)
    {
        var buffer = Coordinator.RentBuffer();
        try
        {
            var writer = GetReply.Begin(buffer, 1);
            Coordinator.Reads.Append(ref writer, partition, _key, _quorum ? ReadConsistency.Quorum : ReadConsistency.Local, int.MaxValue);
            writer.Complete();
            End(FrameType.GetReply, buffer.Written, KvError.None, Outcome.None);
        }
        catch (IOException damage) when (damage is CorruptionException or DiskException)
        {
            // On the shard's thread: a damaged block costs this answer, not the node.
            EndWithError(KvError.Internal, damage.Message);
        }

        Coordinator.ReturnBuffer(buffer);
    }

    protected override bool RunHere(Shard shard, ReadOnlySpan<byte> body) => shard.TryPostRead(new ReadBarrier
    {
        Partition = Partition,
        DeadlineNs = DeadlineNs,
        Completion = this,
        AtLeast = _quorum ? default : _atLeast,
    });
}
