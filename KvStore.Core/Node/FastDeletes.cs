using KvStore.Core.Storage;
using KvStore.Protocol.Messages;

namespace KvStore.Core.Node;

/// <summary>
/// Finds out whether a fast delete deletes something, which its answer says: from memory on the shard, else from the tables on another
/// thread, after which the write comes back. Meanwhile other writes go on; a delete that has no index yet has no place among them.
/// </summary>
internal sealed class FastDeletes(Shard shard, PartitionStore store)
{
    /// <summary>Sets <see cref="PendingWrite.Existed"/>; false if only the disk can tell, and it was not asked yet.</summary>
    public bool TryJudge(PendingWrite write)
    {
        var position = 0;
        foreach (var operation in new EntryOperations(write.Payload))
        {
            var at = position++;
            if (operation.Kind != WriteKind.Delete) continue;
            using var view = store.Pin();
            var lookup = view.FindInMemory(operation.Key, includeOverlay: true, out var info);
            if (lookup == Lookup.NeedsDisk)
            {
                if (write.Records is not { } records) return false;
                lookup = records.TryGet(at, out info) ? Lookup.Found : Lookup.Absent;
            }

            write.Existed = lookup == Lookup.Found && StateMachine.IsLive(info, shard.Context.Clock.WallMs);
            if (write.Existed) return true;
        }

        return true;
    }

    /// <summary>Reads the tables, then posts the write to the shard again. False if too many reads wait already.</summary>
    public bool TryRead(PendingWrite write)
    {
        var records = new EntryRecords(default, write.Payload, isAwaited: true, includeOverlay: true);
        return shard.Context.ColdReads.TryPost(store.Id, write.EntryLength, () =>
        {
            records.Read(store);
            write.Records = records;
            shard.Post(new ShardEvent(ShardEventKind.WriteJudged, write, store.Id));
        });
    }
}
