using System.Runtime.InteropServices;
using KvStore.Core.Primitives;

namespace KvStore.Core.Storage.MemTable;

/// <summary>
/// A record in an arena: links (8 bytes each, the lowest level last), this header, the key, the value.
/// A pointer to a record points at the header: what a search looks at (lowest links, header, key) lies together.
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = 4)]
internal unsafe struct MemRecord
{
    private const byte TombstoneFlag = 1;

    /// <summary>The log entry that wrote it.</summary>
    public ulong Index;
    private ulong _versionIndex;
    private ulong _term;
    private ulong _ticks;
    private long _expiresAtMs;
    private int _valueLength;
    private ushort _keyLength;
    private ushort _node;
    private byte _flags;
    private byte _height;
    private ushort _unused;

    public readonly int Height => _height;

    public readonly RecordInfo Info => new(
        new Revision(new Primitives.Version(new Term(_term), new LogIndex(_versionIndex)), new HybridTimestamp(_ticks, new NodeId(_node))),
        _expiresAtMs, (_flags & TombstoneFlag) != 0);

    public static ReadOnlySpan<byte> Key(MemRecord* record) => new((byte*)record + sizeof(MemRecord), record->_keyLength);

    public static ReadOnlySpan<byte> Value(MemRecord* record) =>
        new((byte*)record + sizeof(MemRecord) + record->_keyLength, record->_valueLength);

    public static MemRecord* Next(MemRecord* record, int level) => (MemRecord*)Volatile.Read(ref *Link(record, level));

    /// <summary>Publishes: whoever follows the link sees everything written before.</summary>
    public static void SetNext(MemRecord* record, int level, MemRecord* next) => Volatile.Write(ref *Link(record, level), (nint)next);

    /// <summary>Takes memory from the arena and fills in everything but the links.</summary>
    public static MemRecord* Create(
        Arena arena, int height, ulong index, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, in RecordInfo info)
    {
        var links = height * sizeof(nint);
        var record = (MemRecord*)(arena.Allocate(links + sizeof(MemRecord) + key.Length + value.Length) + links);
        *record = new MemRecord
        {
            Index = index,
            _versionIndex = info.Revision.Version.Index.Value,
            _term = info.Revision.Version.Term.Value,
            _ticks = info.Revision.Timestamp.Ticks,
            _node = info.Revision.Timestamp.Node.Value,
            _expiresAtMs = info.ExpiresAtMs,
            _valueLength = value.Length,
            _keyLength = checked((ushort)key.Length),
            _flags = info.IsTombstone ? TombstoneFlag : (byte)0,
            _height = (byte)height,
        };
        var bytes = (byte*)record + sizeof(MemRecord);
        key.CopyTo(new Span<byte>(bytes, key.Length));
        value.CopyTo(new Span<byte>(bytes + key.Length, value.Length));
        return record;
    }

    private static nint* Link(MemRecord* record, int level) => (nint*)record - 1 - level;
}
