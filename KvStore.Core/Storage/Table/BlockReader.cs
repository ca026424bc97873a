using System.Buffers.Binary;

namespace KvStore.Core.Storage.Table;

/// <summary>
/// Reads a block that a <see cref="BlockBuilder"/> built. Its checksum was right, but nothing in it is trusted to lie within bounds:
/// what does not parse is a <see cref="FormatException"/>, which the owner of the block turns into a report with file and offset.
/// </summary>
internal readonly ref struct BlockReader
{
    private readonly ReadOnlySpan<byte> _block;
    private readonly int _restartsAt;
    private readonly int _restartCount;

    public BlockReader(ReadOnlySpan<byte> block)
    {
        if (block.Length < 2 * sizeof(int)) throw Bad();
        _restartCount = BinaryPrimitives.ReadInt32LittleEndian(block[^sizeof(int)..]);
        if (_restartCount <= 0 || _restartCount > (block.Length / sizeof(int)) - 1) throw Bad();
        _restartsAt = block.Length - ((_restartCount + 1) * sizeof(int));
        _block = block[.._restartsAt];
        Restarts = block[_restartsAt..^sizeof(int)];
    }

    private ReadOnlySpan<byte> Restarts { get; }

    /// <summary>Where the entries end.</summary>
    public int End => _restartsAt;

    /// <summary>One entry; offsets are into the block.</summary>
    public readonly record struct Entry(int Shared, int SuffixAt, int SuffixLength, int PayloadAt, int PayloadLength)
    {
        public int Next => PayloadAt + PayloadLength;
    }

    public ReadOnlySpan<byte> Suffix(scoped in Entry entry) => _block.Slice(entry.SuffixAt, entry.SuffixLength);

    public ReadOnlySpan<byte> Payload(scoped in Entry entry) => _block.Slice(entry.PayloadAt, entry.PayloadLength);

    public Entry EntryAt(int offset) => EntryAt(_block, offset);

    /// <summary>The entry at an offset; <paramref name="entries"/> is the block without its restarts.</summary>
    public static Entry EntryAt(ReadOnlySpan<byte> entries, int offset)
    {
        // Nearly always the three numbers are one byte each.
        if (offset <= entries.Length - 3 && (entries[offset] | entries[offset + 1] | entries[offset + 2]) < 0x80)
        {
            var start = offset + 3;
            var suffixLength = (int)entries[offset + 1];
            var payloadLength = (int)entries[offset + 2];
            if (suffixLength + payloadLength > entries.Length - start) throw Bad();
            return new Entry(entries[offset], start, suffixLength, start + suffixLength, payloadLength);
        }

        var at = offset;
        if (!Varint.TryReadLength(entries, ref at, TableFormat.MaxBlockBytes, out var shared) ||
            !Varint.TryReadLength(entries, ref at, TableFormat.MaxBlockBytes, out var suffix) ||
            !Varint.TryReadLength(entries, ref at, TableFormat.MaxBlockBytes, out var payload) ||
            suffix > entries.Length - at || payload > entries.Length - at - suffix)
        {
            throw Bad();
        }

        return new Entry(shared, at, suffix, at + suffix, payload);
    }

    /// <summary>The payload of the entry with exactly this key.</summary>
    /// <remarks>
    /// No key is put together on the way: as long as entries are smaller than the target, their common prefix with it follows from how much
    /// each shares with the one before.
    /// </remarks>
    public bool TryFind(ReadOnlySpan<byte> key, out ReadOnlySpan<byte> payload)
    {
        payload = default;
        var at = LastRestartNotAfter(key, out var isExact);
        if (isExact)
        {
            payload = Payload(EntryAt(at));
            return true;
        }

        for (var matched = 0; at < End;)
        {
            var entry = EntryAt(at);
            at = entry.Next;

            // Sharing more with its predecessor, which is smaller than the target, it is smaller too; sharing less, it is greater.
            if (entry.Shared > matched) continue;
            if (entry.Shared < matched) return false;
            var suffix = Suffix(entry);
            var rest = key[matched..];
            var common = suffix.CommonPrefixLength(rest);
            if (common == rest.Length)
            {
                payload = Payload(entry);
                return suffix.Length == common;
            }

            if (common < suffix.Length && suffix[common] > rest[common]) return false;
            matched += common;
        }

        return false;
    }

    /// <summary>For a block in which every key is whole: the payload of the first entry whose key is at or after <paramref name="key"/>.</summary>
    public bool TryFindCeiling(ReadOnlySpan<byte> key, out ReadOnlySpan<byte> payload)
    {
        var low = 0;
        var high = _restartCount;
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (Suffix(RestartEntry(middle)).SequenceCompareTo(key) < 0) low = middle + 1;
            else high = middle;
        }

        payload = low < _restartCount ? Payload(RestartEntry(low)) : default;
        return low < _restartCount;
    }

    /// <summary>The offset of the last whole key at or before <paramref name="key"/>, or of the first one.</summary>
    public int LastRestartNotAfter(ReadOnlySpan<byte> key, out bool isExact)
    {
        isExact = false;
        var low = 0;
        var high = _restartCount - 1;
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            var order = Suffix(RestartEntry(middle)).SequenceCompareTo(key);
            if (order == 0)
            {
                isExact = true;
                return RestartOffset(middle);
            }

            if (order < 0) low = middle;
            else high = middle - 1;
        }

        return RestartOffset(low);
    }

    private Entry RestartEntry(int restart)
    {
        var entry = EntryAt(RestartOffset(restart));
        return entry.Shared == 0 ? entry : throw Bad();
    }

    private int RestartOffset(int restart)
    {
        var offset = BinaryPrimitives.ReadInt32LittleEndian(Restarts[(restart * sizeof(int))..]);
        return (uint)offset < (uint)_restartsAt ? offset : throw Bad();
    }

    private static FormatException Bad() => new("the block's structure is broken");
}
