using KvStore.Core.Io;
using KvStore.Core.Primitives;
using KvStore.Core.Storage.Manifest;
using KvStore.Core.Storage.Table;

namespace KvStore.Core.Storage.Compaction;

/// <summary>
/// Finds what drops and snapshot installations left behind: a table in which nothing lives is removed by an edit alone, and how much of each
/// other one is dead is noted for the picker. Reads the properties of tables, nothing else.
/// </summary>
internal sealed class DeadData(TableTree tree, Action<VersionEdit> commit, Action<CorruptionException> onDamaged)
{
    /// <summary>Looks at the tables that partitions with newly dead generations may have something in.</summary>
    /// <exception cref="DiskException">The edit could not be made durable, or, if it is a shortage, a table not be opened: then they are looked at again.</exception>
    public void Scan()
    {
        TableVersion version;
        IReadOnlySet<PartitionId> partitions;
        lock (tree.Lock)
        {
            partitions = tree.TakeNewlyDead();
            if (partitions.Count == 0) return;
            version = tree.Current;
            version.AddReference();
        }

        try
        {
            var edit = new VersionEdit();
            foreach (var table in version.Tables.Where(table => MayHold(table, partitions))) Look(table, edit);
            if (edit.Removed.Count > 0) Remove(edit);
        }
        catch (DiskException e) when (e.IsShortage)
        {
            foreach (var partition in partitions) tree.NoteDead(partition);
            throw;
        }
        finally
        {
            version.Release();
        }
    }

    private static bool MayHold(TableFile table, IReadOnlySet<PartitionId> partitions)
    {
        var first = StorageKey.PartitionOf(table.Info.Smallest);
        var last = StorageKey.PartitionOf(table.Info.Largest);
        return partitions.Any(id => id.CompareTo(first) >= 0 && id.CompareTo(last) <= 0);
    }

    private void Look(TableFile table, VersionEdit edit)
    {
        try
        {
            long all = 0;
            long dead = 0;
            foreach (var section in table.Reader.ReadProperties().Sections)
            {
                all += section.Bytes;
                if (tree.FindPartition(section.Partition)?.Generation != section.Generation) dead += section.Bytes;
            }

            table.DeadShare = all == 0 ? 0 : (double)dead / all;
            if (dead == all) edit.Removed.Add(table.Info.FileNumber);
        }
        catch (CorruptionException e)
        {
            onDamaged(e);
        }
    }

    /// <summary>Generations do not come back to life, so what was dead at the look is dead now; but a merge may have taken the table.</summary>
    private void Remove(VersionEdit edit)
    {
        lock (tree.Lock)
        {
            var free = tree.Current.Tables.Where(table => !table.IsBusy).Select(table => table.Info.FileNumber).ToHashSet();
            edit.Removed.RemoveAll(number => !free.Contains(number));
            if (edit.Removed.Count > 0) commit(edit);
        }
    }
}
