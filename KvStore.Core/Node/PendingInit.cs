using System.Buffers.Binary;
using System.Text;
using KvStore.Core.Io;
using KvStore.Core.Primitives;

namespace KvStore.Core.Node;

/// <summary>
/// A cluster that this node has promised to become a member of: written durably when `cluster init` prepares it, so that it joins no other
/// meanwhile. The commit replaces it, an abort removes it, no timer does.
/// </summary>
/// <param name="ClusterId">Drawn by kvctl.</param>
/// <param name="Partitions">P.</param>
/// <param name="Addresses">Of all members, in the order that numbers them.</param>
/// <remarks>File <c>cluster.pending</c>, little-endian: 8 bytes "KVDPENDI", u128 cluster id, u32 partitions, u32 n, n bytes addresses joined by '\n' (UTF-8), u64 XXH3-64 of all before.</remarks>
public sealed record PendingInit(UInt128 ClusterId, int Partitions, IReadOnlyList<string> Addresses)
{
    private const string FileName = "cluster.pending";
    private const int HeadSize = 8 + 16 + 4 + 4;

    public bool Matches(PendingInit other) =>
        ClusterId == other.ClusterId && Partitions == other.Partitions && Addresses.SequenceEqual(other.Addresses, StringComparer.Ordinal);

    public byte[] Encode()
    {
        var addresses = Encoding.UTF8.GetBytes(string.Join('\n', Addresses));
        var bytes = new byte[HeadSize + addresses.Length + 8];
        "KVDPENDI"u8.CopyTo(bytes);
        BinaryPrimitives.WriteUInt128LittleEndian(bytes.AsSpan(8), ClusterId);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(24), Partitions);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(28), addresses.Length);
        addresses.CopyTo(bytes, HeadSize);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(bytes.Length - 8), StableHash.Of(bytes.AsSpan(0, bytes.Length - 8)));
        return bytes;
    }

    /// <summary>Null when the bytes are not a pending init.</summary>
    public static PendingInit? TryDecode(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < HeadSize + 8 || !bytes[..8].SequenceEqual("KVDPENDI"u8)) return null;
        if (BinaryPrimitives.ReadUInt64LittleEndian(bytes[^8..]) != StableHash.Of(bytes[..^8])) return null;
        if (BinaryPrimitives.ReadInt32LittleEndian(bytes[28..]) != bytes.Length - HeadSize - 8) return null;
        return new PendingInit(
            BinaryPrimitives.ReadUInt128LittleEndian(bytes[8..]), BinaryPrimitives.ReadInt32LittleEndian(bytes[24..]),
            Encoding.UTF8.GetString(bytes[HeadSize..^8]).Split('\n'));
    }

    /// <summary>Null when none is pending.</summary>
    /// <exception cref="CorruptionException">The file is damaged.</exception>
    public static PendingInit? Read(IFileSystem fileSystem, string directory)
    {
        var path = Path.Combine(directory, FileName);
        if (!fileSystem.FileExists(path)) return null;
        return TryDecode(SmallFile.Read(fileSystem, path)) ?? throw new CorruptionException(path, 0, "not a pending init, or its checksum does not match");
    }

    public void Write(IFileSystem fileSystem, string directory) => SmallFile.Replace(fileSystem, Path.Combine(directory, FileName), Encode());

    public static void Remove(IFileSystem fileSystem, string directory)
    {
        var path = Path.Combine(directory, FileName);
        if (!fileSystem.FileExists(path)) return;
        fileSystem.Delete(path);
        fileSystem.SyncDirectory(directory);
    }
}
