using KvStore.Core.Primitives;
using KvStore.Core.Storage;
using KvStore.Protocol.Messages;

namespace KvStore.Core.Node;

/// <summary>
/// Applies entries to the storage engine: the one place where the meaning of a log entry is written down.
/// Deterministic: it looks at the entry, at the partition's applied state and at log time, never at a clock.
/// </summary>
public static class StateMachine
{
    /// <summary>What an entry did.</summary>
    public readonly record struct Outcome(bool Applied, bool Existed, Revision Current);

    /// <summary>
    /// Whether an operation's meaning depends on the record under its key: it has a condition, or it is a deletion and somebody waits to
    /// hear whether it deleted something.
    /// </summary>
    internal static bool LooksAtRecord(in EntryOperation operation, bool isAwaited) =>
        operation.Condition != ConditionKind.None || (isAwaited && operation.Kind == WriteKind.Delete);

    /// <summary>Whether any operation of an entry does.</summary>
    internal static bool LooksAtRecords(ReadOnlySpan<byte> payload, bool isAwaited)
    {
        if (EntryHeader.Read(payload).Kind != EntryKind.Write) return false;
        foreach (var operation in new EntryOperations(payload))
            if (LooksAtRecord(operation, isAwaited)) return true;
        return false;
    }

    /// <summary>Whether an entry stores nothing.</summary>
    internal static bool OnlyDeletes(ReadOnlySpan<byte> payload)
    {
        foreach (var operation in new EntryOperations(payload))
            if (operation.Kind != WriteKind.Delete) return false;
        return true;
    }

    /// <summary>
    /// Applies one committed entry and publishes it to readers; false, and nothing happens, if it looks at a record that is not in memory.
    /// Never reads the disk.
    /// </summary>
    /// <param name="store">At the entry before.</param>
    /// <param name="term">The entry's.</param>
    /// <param name="index">The entry's.</param>
    /// <param name="payload">The entry.</param>
    /// <param name="isAwaited">See <see cref="LooksAtRecord"/>; it decides what the outcome tells, never what the entry does.</param>
    /// <param name="records">What was read from the tables for this entry, if it was found wanting before.</param>
    /// <param name="outcome">What it did.</param>
    internal static bool TryApply(
        PartitionStore store, Term term, LogIndex index, ReadOnlySpan<byte> payload, bool isAwaited, EntryRecords? records, out Outcome outcome)
    {
        var header = EntryHeader.Read(payload);
        var logTime = Math.Max(store.Applied.LogTime, header.Ticks);
        outcome = new Outcome(true, false, Revision.None);
        if (LooksAtRecords(payload, isAwaited) && !TryJudge(store, payload, (long)(logTime >> 16), isAwaited, records, out outcome)) return false;
        if (header.Kind == EntryKind.Configuration) store.SetConfiguration(payload[EntryHeader.Size..]);
        else if (header.Kind == EntryKind.Write && outcome.Applied)
            outcome = outcome with { Current = Write(store, new Primitives.Version(term, index), header.Timestamp, payload) };
        store.Publish(new AppliedState(index, term, logTime));
        return true;
    }

    /// <summary>Makes a fast write visible to local reads before it is committed. Conditions do not occur: they need a strong write.</summary>
    public static void ShowInOverlay(PartitionStore store, Term term, LogIndex index, ReadOnlySpan<byte> payload)
    {
        var header = EntryHeader.Read(payload);
        foreach (var operation in new EntryOperations(payload))
        {
            var info = InfoOf(operation, new Primitives.Version(term, index), header.Timestamp);
            if (operation.Kind == WriteKind.Put) store.OverlayPut(index, operation.Key, operation.Value, info);
            else store.OverlayDelete(index, operation.Key, info);
        }

        store.PublishOverlay(index);
    }

    /// <summary>Whether a record counts as present at a time in milliseconds since the Unix epoch.</summary>
    public static bool IsLive(in RecordInfo info, long nowMs) => !info.IsTombstone && (info.ExpiresAtMs == 0 || info.ExpiresAtMs > nowMs);

    private static Revision Write(PartitionStore store, Primitives.Version version, HybridTimestamp timestamp, ReadOnlySpan<byte> payload)
    {
        foreach (var operation in new EntryOperations(payload))
        {
            var info = InfoOf(operation, version, timestamp);
            if (operation.Kind == WriteKind.Put) store.Put(version.Index, operation.Key, operation.Value, info);
            else store.Delete(version.Index, operation.Key, info);
        }

        return new Revision(version, timestamp);
    }

    /// <summary>Looks at the records in the order of the operations, up to the first condition that does not hold: its record is the outcome's.</summary>
    private static bool TryJudge(
        PartitionStore store, ReadOnlySpan<byte> payload, long nowMs, bool isAwaited, EntryRecords? records, out Outcome outcome)
    {
        outcome = default;
        var existed = false;
        var position = 0;
        using var view = store.Pin();
        foreach (var operation in new EntryOperations(payload))
        {
            var at = position++;
            if (!LooksAtRecord(operation, isAwaited)) continue;
            RecordInfo info;
            bool found;
            if (records is not null) found = records.TryGet(at, out info);
            else
            {
                var lookup = view.FindInMemory(operation.Key, includeOverlay: false, out info);
                if (lookup == Lookup.NeedsDisk) return false;
                found = lookup == Lookup.Found;
            }

            found = found && IsLive(info, nowMs);
            if (operation.Kind == WriteKind.Delete) existed |= found;
            if (Holds(operation, found, info.Revision)) continue;
            outcome = new Outcome(false, existed, found ? info.Revision : Revision.None);
            return true;
        }

        outcome = new Outcome(true, existed, Revision.None);
        return true;
    }

    private static bool Holds(in EntryOperation operation, bool found, Revision revision) => operation.Condition switch
    {
        ConditionKind.None => true,
        ConditionKind.IfAbsent => !found,
        ConditionKind.IfVersion => found && revision.Version == operation.Expected.Version,
        ConditionKind.IfRevision => found && revision == operation.Expected,
        _ => false,
    };

    private static RecordInfo InfoOf(in EntryOperation operation, Primitives.Version version, HybridTimestamp timestamp) =>
        new(new Revision(version, timestamp), operation.ExpiresAtMs, operation.Kind == WriteKind.Delete);
}
