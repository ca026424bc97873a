using KvStore.Core.Io;
using KvStore.Core.Primitives;
using KvStore.Core.Storage;

namespace KvStore.Core.Node;

/// <summary>
/// Fast writes that this node acknowledged, or may have, and that are about to vanish, because a majority decided on another log:
/// each is counted and logged with its keys and revision.
/// </summary>
internal sealed class CutFastWrites(NodeContext context, PartitionId id, PayloadLog log, PartitionStore store)
{
    /// <summary>All entries from an index on are cut.</summary>
    /// <param name="from">The first of them.</param>
    /// <param name="termOf">The term that an entry had.</param>
    public void OnTruncate(LogIndex from, Func<LogIndex, Term> termOf)
    {
        for (var index = from; log.Contains(index); index = index.Next)
            if (IsOurs(index, out var header, out var payload)) Report(new Revision(new Primitives.Version(termOf(index), index), header.Timestamp), payload);
    }

    /// <summary>
    /// The whole log gives way to a snapshot, which is installed. An entry may be part of it: it is, if it left its record there, and it makes
    /// no difference, if a later write of its keys did.
    /// </summary>
    /// <param name="from">The first entry that was not applied here.</param>
    /// <param name="termOf">The term that an entry had.</param>
    public void OnReplaced(LogIndex from, Func<LogIndex, Term> termOf)
    {
        for (var index = from; log.Contains(index); index = index.Next)
        {
            if (!IsOurs(index, out var header, out var payload)) continue;
            var revision = new Revision(new Primitives.Version(termOf(index), index), header.Timestamp);
            if (!IsContained(revision, payload)) Report(revision, payload);
        }
    }

    private bool IsOurs(LogIndex index, out EntryHeader header, out ReadOnlySpan<byte> payload)
    {
        header = default;
        if (!log.TryGet(index, out payload)) return false;
        header = EntryHeader.Read(payload);
        return header.Fast && header.Kind == EntryKind.Write && header.Origin == context.Self;
    }

    /// <summary>What cannot be read is not known to be contained.</summary>
    private bool IsContained(Revision revision, ReadOnlySpan<byte> payload)
    {
        try
        {
            using var view = store.Pin();
            foreach (var operation in new EntryOperations(payload))
            {
                if (!view.TryGet(operation.Key, includeOverlay: false, out var info, out _) || info.Revision.Version < revision.Version) return false;
            }

            return true;
        }
        catch (IOException damage) when (damage is CorruptionException or DiskException)
        {
            return false;
        }
    }

    private void Report(Revision revision, ReadOnlySpan<byte> payload)
    {
        context.Counters.AddFastWriteCut();
        foreach (var operation in new EntryOperations(payload))
            context.Log.Warn($"partition {id}: a new primary's log cut the fast write of key {Convert.ToHexString(operation.Key)} with revision {revision}");
    }
}
