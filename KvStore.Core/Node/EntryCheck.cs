using KvStore.Core.Raft;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;

namespace KvStore.Core.Node;

/// <summary>
/// Judges the entries of another node before they enter the log here. An entry that cannot be applied would stop this node, and stop it
/// again at every start, for it would be in the log by then.
/// </summary>
internal static class EntryCheck
{
    /// <summary>Whether the payload has a header and, behind it, all that its kind calls for and nothing more.</summary>
    public static bool IsWellFormed(ReadOnlySpan<byte> payload)
    {
        if (payload.Length < EntryHeader.Size) return false;
        return EntryHeader.Read(payload).Kind switch
        {
            EntryKind.Write => HoldsOperations(payload),
            EntryKind.Configuration => HoldsConfiguration(payload[EntryHeader.Size..]),
            _ => true,
        };
    }

    private static bool HoldsOperations(ReadOnlySpan<byte> payload)
    {
        if (payload.Length < EntryHeader.Size + sizeof(ushort)) return false;
        var operations = new EntryOperations(payload);
        for (var left = operations.Count; left > 0; left--)
            if (!operations.TryMoveNext() || !Fits(operations.Current)) return false;
        return operations.RestBytes == 0;
    }

    private static bool Fits(in EntryOperation operation) =>
        operation.Key.Length is > 0 and <= Limits.KeyBytes && operation.Value.Length <= Limits.ValueBytes
        && (operation.Kind == WriteKind.Put || operation.Value.IsEmpty);

    private static bool HoldsConfiguration(ReadOnlySpan<byte> bytes)
    {
        try
        {
            RaftConfiguration.Decode(bytes);
            return true;
        }
        catch (FormatException)
        {
            return false;
        }
    }
}
