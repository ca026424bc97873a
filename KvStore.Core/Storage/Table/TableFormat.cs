namespace KvStore.Core.Storage.Table;

/// <summary>What a block of a table holds; stored in its trailer, so that no block is taken for one of another kind.</summary>
internal enum BlockKind : byte
{
    Data = 1,
    Filter = 2,
    Index = 3,
    TopIndex = 4,
    Properties = 5,
}

/// <summary>Where a block lies in its file. The length is that of the stored content, without the trailer.</summary>
internal readonly record struct BlockAddress(long Offset, int Length);

/// <summary>Constants of table files; docs/storage-format.md, 'SSTable'.</summary>
internal static class TableFormat
{
    public const uint Version = 1;

    /// <summary>"kvdTABLE" in file order.</summary>
    public const ulong Magic = 0x454C424154_64766B;

    /// <summary>Data and index blocks are ended when their content has reached this size.</summary>
    public const int BlockBytes = 16 << 10;

    /// <summary>Every so many records of a data block a key is stored whole.</summary>
    public const int DataRestartInterval = 16;

    public const int IndexRestartInterval = 1;

    /// <summary>kind (1), compression (1), zero (2), length before compression (4), XXH3-64 of content and the eight bytes before (8).</summary>
    public const int TrailerBytes = 16;

    public const int FooterBytes = 72;

    /// <summary>A block holds one record at least, of 16 MiB and a little.</summary>
    public const int MaxBlockBytes = 80 << 20;

    public const byte Uncompressed = 0;
    public const byte Lz4 = 1;

    /// <summary>The seed of a block's checksum: a block that belongs elsewhere does not pass.</summary>
    public static long ChecksumSeed(ulong fileNumber, long offset) => unchecked((long)(fileNumber * 0x9E3779B97F4A7C15) + offset);

    public static string FileName(ulong fileNumber) => $"{fileNumber:D6}.sst";
}
