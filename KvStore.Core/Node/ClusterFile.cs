using System.Buffers.Binary;
using KvStore.Core.Io;
using KvStore.Core.Primitives;
using KvStore.Core.Ring;

namespace KvStore.Core.Node;

/// <summary>What a node knows of its cluster and keeps on disk: the topology document and the secret that its members prove to each other.</summary>
/// <remarks>
/// File <c>cluster</c>, little-endian: 8 bytes "KVDCLSTR", u32 format 1, u32 n, 32 bytes secret, n bytes topology document, u64 XXH3-64 of all before.
/// </remarks>
public sealed record ClusterFile(Topology Topology, ReadOnlyMemory<byte> Secret)
{
    public const int SecretBytes = 32;
    private const string FileName = "cluster";
    private const int HeadSize = 16;

    /// <summary>Null when the file does not exist.</summary>
    /// <exception cref="CorruptionException">The file is damaged.</exception>
    public static ClusterFile? Read(IFileSystem fileSystem, string directory)
    {
        var path = Path.Combine(directory, FileName);
        if (!fileSystem.FileExists(path)) return null;
        var bytes = SmallFile.Read(fileSystem, path);
        return TryDecode(bytes) ?? throw new CorruptionException(path, 0, "not a cluster file of format 1, or its checksum does not match");
    }

    /// <summary>Null when the bytes are not a cluster file.</summary>
    public static ClusterFile? TryDecode(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < HeadSize + SecretBytes + 8 || !bytes[..8].SequenceEqual("KVDCLSTR"u8)) return null;
        if (BinaryPrimitives.ReadUInt64LittleEndian(bytes[^8..]) != StableHash.Of(bytes[..^8])) return null;
        var length = BinaryPrimitives.ReadUInt32LittleEndian(bytes[12..]);
        if (BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]) != 1 || length != (uint)(bytes.Length - HeadSize - SecretBytes - 8)) return null;
        try
        {
            return new ClusterFile(
                Topology.Decode(bytes.Slice(HeadSize + SecretBytes, (int)length)), bytes.Slice(HeadSize, SecretBytes).ToArray());
        }
        catch (TopologyException)
        {
            return null;
        }
    }

    public byte[] Encode()
    {
        var document = new ByteBuffer();
        Topology.Encode(document);
        var bytes = new byte[HeadSize + SecretBytes + document.Length + 8];
        "KVDCLSTR"u8.CopyTo(bytes);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(8), 1);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(12), (uint)document.Length);
        Secret.Span.CopyTo(bytes.AsSpan(HeadSize));
        document.Written.CopyTo(bytes.AsSpan(HeadSize + SecretBytes));
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(bytes.Length - 8), StableHash.Of(bytes.AsSpan(0, bytes.Length - 8)));
        return bytes;
    }

    /// <summary>Durable when it returns: from then on the node is a member of this cluster and of no other.</summary>
    public void Write(IFileSystem fileSystem, string directory) => SmallFile.Replace(fileSystem, Path.Combine(directory, FileName), Encode());
}
