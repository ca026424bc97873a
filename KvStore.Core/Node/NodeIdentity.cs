using System.Buffers.Binary;
using KvStore.Core.Io;
using KvStore.Core.Primitives;

namespace KvStore.Core.Node;

/// <summary>
/// What makes a data directory itself: an incarnation drawn when it was made, and a boot number that rises with every start.
/// </summary>
/// <remarks>File <c>identity</c>, 40 bytes, little-endian: 8 bytes "KVDIDENT", u32 format 1, u32 flags, u64 incarnation, u64 boot, u64 XXH3-64 of the 32 bytes before.</remarks>
/// <param name="HasData">Flag 1: this node has had a log and a store. Should they be gone, so are its votes, and it must not start as if it were new.</param>
public sealed record NodeIdentity(ulong Incarnation, ulong Boot, bool HasData = false)
{
    private const string FileName = "identity";
    private const int Size = 40;

    /// <summary>Reads the identity and raises its boot number, or mints one in an empty directory. Durable when it returns.</summary>
    /// <exception cref="CorruptionException">The file is damaged: the directory must not be used, for it may belong to another node.</exception>
    public static NodeIdentity Open(IFileSystem fileSystem, string directory, Prng random)
    {
        fileSystem.CreateDirectory(directory);
        var path = Path.Combine(directory, FileName);
        var identity = fileSystem.FileExists(path)
            ? Read(fileSystem, path)
            : new NodeIdentity(random.NextUInt64() | 1, 0);
        identity = identity with { Boot = identity.Boot + 1 };
        identity.Write(fileSystem, path);
        return identity;
    }

    /// <summary>Log and store are there and durable: called before anything is said that rests on them.</summary>
    public NodeIdentity WithData(IFileSystem fileSystem, string directory)
    {
        if (HasData) return this;
        var marked = this with { HasData = true };
        marked.Write(fileSystem, Path.Combine(directory, FileName));
        return marked;
    }

    private void Write(IFileSystem fileSystem, string path)
    {
        var bytes = new byte[Size];
        "KVDIDENT"u8.CopyTo(bytes);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(8), 1);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(12), HasData ? 1u : 0);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(16), Incarnation);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(24), Boot);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(32), StableHash.Of(bytes.AsSpan(0, 32)));
        SmallFile.Replace(fileSystem, path, bytes);
    }

    public static bool Exists(IFileSystem fileSystem, string directory) => fileSystem.FileExists(Path.Combine(directory, FileName));

    /// <summary>What the file says; nothing is changed.</summary>
    /// <exception cref="CorruptionException">It is damaged.</exception>
    public static NodeIdentity Peek(IFileSystem fileSystem, string directory) => Read(fileSystem, Path.Combine(directory, FileName));

    private static NodeIdentity Read(IFileSystem fileSystem, string path)
    {
        var bytes = SmallFile.Read(fileSystem, path);
        if (bytes.Length != Size || !bytes.AsSpan(0, 8).SequenceEqual("KVDIDENT"u8)
            || BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(32)) != StableHash.Of(bytes.AsSpan(0, 32)))
            throw new CorruptionException(path, 0, "not an identity file, or its checksum does not match");
        if (BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(8)) is var format && format != 1)
            throw new CorruptionException(path, 8, $"identity format {format}, this release reads format 1");
        return new NodeIdentity(
            BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(16)), BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(24)),
            (BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(12)) & 1) != 0);
    }
}

/// <summary>Files of a few kilobytes that are replaced as a whole.</summary>
public static class SmallFile
{
    /// <summary>Writes a new file beside the old one, syncs, renames, syncs the directory: after a power cut there is one or the other.</summary>
    public static void Replace(IFileSystem fileSystem, string path, ReadOnlySpan<byte> bytes)
    {
        var temporary = path + ".tmp";
        if (fileSystem.FileExists(temporary)) fileSystem.Delete(temporary);
        using (var file = fileSystem.Open(temporary, FileOpenMode.CreateNew))
        {
            file.Write(0, bytes);
            file.DataSync();
        }

        fileSystem.Rename(temporary, path);
        fileSystem.SyncDirectory(Path.GetDirectoryName(path)!);
    }

    public static byte[] Read(IFileSystem fileSystem, string path)
    {
        using var file = fileSystem.Open(path, FileOpenMode.Read);
        var bytes = new byte[file.Length];
        var read = 0;
        while (read < bytes.Length)
        {
            var count = file.Read(read, bytes.AsSpan(read));
            if (count == 0) break;
            read += count;
        }

        return bytes;
    }
}
