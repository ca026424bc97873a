using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using KvStore.Core.Primitives;

namespace KvStore.Core.Storage.MemTable;

/// <summary>
/// A record in an arena: links (8 bytes each, the lowest level last), this header, the key, the rest of the header, the value.
/// A pointer to a record points at the header: what a search looks at (lowest links, header, key) lies together, mostly in one cache line.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct MemRecord
{
    private const byte TombstoneFlag = 1;

    /// <summary>The log entry that wrote it.</summary>
    public ulong Index;
    private int _valueLength;
    private ushort _keyLength;
    private byte _flags;
    private byte _height;

    [StructLayout(LayoutKind.Sequential, Pack = 2)]
    private struct Origin
    {
        public ulong VersionIndex;
        public ulong Term;
        public ulong Ticks;
        public long ExpiresAtMs;
        public ushort Node;
    }

    public readonly int Height => _height;

    public static ReadOnlySpan<byte> Key(MemRecord* record) => new((byte*)record + sizeof(MemRecord), record->_keyLength);

    public static ReadOnlySpan<byte> Value(MemRecord* record) =>
        new((byte*)record + sizeof(MemRecord) + record->_keyLength + sizeof(Origin), record->_valueLength);

    public static RecordInfo Info(MemRecord* record)
    {
        var origin = Unsafe.ReadUnaligned<Origin>((byte*)record + sizeof(MemRecord) + record->_keyLength);
        return new RecordInfo(
            new Revision(
                new Primitives.Version(new Term(origin.Term), new LogIndex(origin.VersionIndex)),
                new HybridTimestamp(origin.Ticks, new NodeId(origin.Node))),
            origin.ExpiresAtMs, (record->_flags & TombstoneFlag) != 0);
    }

    public static MemRecord* Next(MemRecord* record, int level) => (MemRecord*)Volatile.Read(ref *Link(record, level));

    /// <summary>Publishes: whoever follows the link sees everything written before.</summary>
    public static void SetNext(MemRecord* record, int level, MemRecord* next) => Volatile.Write(ref *Link(record, level), (nint)next);

    /// <summary>Takes memory from the arena and fills in everything but the links.</summary>
    public static MemRecord* Create(
        Arena arena, int height, ulong index, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, in RecordInfo info)
    {
        var links = height * sizeof(nint);
        var record = (MemRecord*)(arena.Allocate(links + sizeof(MemRecord) + key.Length + sizeof(Origin) + value.Length) + links);
        *record = new MemRecord
        {
            Index = index,
            _valueLength = value.Length,
            _keyLength = checked((ushort)key.Length),
            _flags = info.IsTombstone ? TombstoneFlag : (byte)0,
            _height = (byte)height,
        };
        var bytes = (byte*)record + sizeof(MemRecord);
        key.CopyTo(new Span<byte>(bytes, key.Length));
        bytes += key.Length;
        Unsafe.WriteUnaligned(bytes, new Origin
        {
            VersionIndex = info.Revision.Version.Index.Value,
            Term = info.Revision.Version.Term.Value,
            Ticks = info.Revision.Timestamp.Ticks,
            ExpiresAtMs = info.ExpiresAtMs,
            Node = info.Revision.Timestamp.Node.Value,
        });
        value.CopyTo(new Span<byte>(bytes + sizeof(Origin), value.Length));
        return record;
    }

    private static nint* Link(MemRecord* record, int level) => (nint*)record - 1 - level;
}
