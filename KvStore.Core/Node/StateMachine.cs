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

    /// <summary>Applies one committed entry and publishes it to readers.</summary>
    public static Outcome Apply(PartitionStore store, Term term, LogIndex index, ReadOnlySpan<byte> payload)
    {
        var header = EntryHeader.Read(payload);
        var logTime = Math.Max(store.Applied.LogTime, header.Ticks);
        var outcome = new Outcome(true, false, Revision.None);
        if (header.Kind == EntryKind.Write) outcome = ApplyWrite(store, term, index, header, payload, logTime);
        else if (header.Kind == EntryKind.Configuration) store.SetConfiguration(payload[EntryHeader.Size..]);
        store.Publish(new AppliedState(index, term, logTime));
        return outcome;
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

    private static Outcome ApplyWrite(
        PartitionStore store, Term term, LogIndex index, in EntryHeader header, ReadOnlySpan<byte> payload, ulong logTime)
    {
        var nowMs = (long)(logTime >> 16);
        var existed = false;
        var needsRead = false;
        foreach (var operation in new EntryOperations(payload))
            needsRead |= operation.Condition != ConditionKind.None || operation.Kind == WriteKind.Delete;

        if (needsRead && !ConditionsHold(store, payload, nowMs, out existed, out var current)) return new Outcome(false, existed, current);

        var version = new Primitives.Version(term, index);
        foreach (var operation in new EntryOperations(payload))
        {
            var info = InfoOf(operation, version, header.Timestamp);
            if (operation.Kind == WriteKind.Put) store.Put(index, operation.Key, operation.Value, info);
            else store.Delete(index, operation.Key, info);
        }

        return new Outcome(true, existed, new Revision(version, header.Timestamp));
    }

    private static bool ConditionsHold(PartitionStore store, ReadOnlySpan<byte> payload, long nowMs, out bool existed, out Revision current)
    {
        existed = false;
        current = Revision.None;
        using var view = store.Pin();
        foreach (var operation in new EntryOperations(payload))
        {
            var found = view.TryGet(operation.Key, includeOverlay: false, out var info, out _) && IsLive(info, nowMs);
            if (operation.Kind == WriteKind.Delete) existed |= found;
            var holds = operation.Condition switch
            {
                ConditionKind.None => true,
                ConditionKind.IfAbsent => !found,
                ConditionKind.IfVersion => found && info.Revision.Version == operation.Expected.Version,
                ConditionKind.IfRevision => found && info.Revision == operation.Expected,
                _ => false,
            };
            if (holds) continue;
            current = found ? info.Revision : Revision.None;
            return false;
        }

        return true;
    }

    private static RecordInfo InfoOf(in EntryOperation operation, Primitives.Version version, HybridTimestamp timestamp) =>
        new(new Revision(version, timestamp), operation.ExpiresAtMs, operation.Kind == WriteKind.Delete);
}
