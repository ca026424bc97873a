using System.Buffers.Binary;
using KvStore.Core.Primitives;

namespace KvStore.Core.Storage;

/// <summary>
/// The key of a record in tables, ordered bytewise: partition (2 bytes, big-endian), generation (4 bytes, big-endian), space (1 byte), key.
/// </summary>
internal static class StorageKey
{
    public const int PrefixBytes = 7;

    /// <summary>The longest key of a record, without the prefix.</summary>
    public const int MaxKeyBytes = 4096;

    /// <summary>Records that users wrote.</summary>
    public const byte UserSpace = 0;

    /// <summary>Records that the node keeps for itself, such as idempotency ids.</summary>
    public const byte SystemSpace = 1;

    public static void WritePrefix(Span<byte> destination, PartitionId partition, Generation generation, byte space)
    {
        BinaryPrimitives.WriteUInt16BigEndian(destination, partition.Value);
        BinaryPrimitives.WriteUInt32BigEndian(destination[2..], generation.Value);
        destination[6] = space;
    }

    public static PartitionId PartitionOf(ReadOnlySpan<byte> storageKey) => new(BinaryPrimitives.ReadUInt16BigEndian(storageKey));

    public static Generation GenerationOf(ReadOnlySpan<byte> storageKey) => new(BinaryPrimitives.ReadUInt32BigEndian(storageKey[2..]));

    public static ReadOnlySpan<byte> UserKeyOf(ReadOnlySpan<byte> storageKey) => storageKey[PrefixBytes..];
}
