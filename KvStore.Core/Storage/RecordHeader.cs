using System.Buffers.Binary;
using KvStore.Core.Primitives;

namespace KvStore.Core.Storage;

/// <summary>
/// What is stored in front of a value, in tables and in snapshot chunks (docs/storage-format.md, 'Record header'):
/// flags (1 byte), index (varint), term (varint), [version index (varint)], ticks (8 bytes), node (varint), [expiry in ms (varint)].
/// </summary>
internal static class RecordHeader
{
    public const int MaxBytes = 1 + (5 * Varint.MaxBytes) + sizeof(ulong);

    private const byte Tombstone = 1;
    private const byte Expires = 2;

    // The record's version index is not the index of the entry that wrote it.
    private const byte OtherVersionIndex = 4;
    private const byte Known = Tombstone | Expires | OtherVersionIndex;

    /// <summary>Writes to the start of <paramref name="destination"/>; returns the number of bytes.</summary>
    public static int Write(Span<byte> destination, LogIndex index, in RecordInfo info)
    {
        var version = info.Revision.Version;
        var flags = info.IsTombstone ? Tombstone : (byte)0;
        if (info.ExpiresAtMs != 0) flags |= Expires;
        if (version.Index != index) flags |= OtherVersionIndex;
        destination[0] = flags;
        var at = 1;
        at += Varint.Write(destination[at..], index.Value);
        at += Varint.Write(destination[at..], version.Term.Value);
        if (version.Index != index) at += Varint.Write(destination[at..], version.Index.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[at..], info.Revision.Timestamp.Ticks);
        at += sizeof(ulong);
        at += Varint.Write(destination[at..], info.Revision.Timestamp.Node.Value);
        if (info.ExpiresAtMs != 0) at += Varint.Write(destination[at..], (ulong)info.ExpiresAtMs);
        return at;
    }

    /// <summary>Reads from <paramref name="at"/> on and moves it; false if this is no header.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, ref int at, out LogIndex index, out RecordInfo info)
    {
        index = default;
        info = default;
        if ((uint)at >= (uint)bytes.Length) return false;
        var flags = bytes[at++];
        if ((flags & ~Known) != 0) return false;
        if (!Varint.TryRead(bytes, ref at, out var entry) || !Varint.TryRead(bytes, ref at, out var term)) return false;
        var versionIndex = entry;
        if ((flags & OtherVersionIndex) != 0 && !Varint.TryRead(bytes, ref at, out versionIndex)) return false;
        if (at + sizeof(ulong) > bytes.Length) return false;
        var ticks = BinaryPrimitives.ReadUInt64LittleEndian(bytes[at..]);
        at += sizeof(ulong);
        if (!Varint.TryRead(bytes, ref at, out var node) || node > ushort.MaxValue) return false;
        ulong expiry = 0;
        if ((flags & Expires) != 0 && !Varint.TryRead(bytes, ref at, out expiry)) return false;
        index = new LogIndex(entry);
        var revision = new Revision(new Primitives.Version(new Term(term), new LogIndex(versionIndex)), new HybridTimestamp(ticks, new NodeId((ushort)node)));
        info = new RecordInfo(revision, (long)expiry, (flags & Tombstone) != 0);
        return true;
    }
}
