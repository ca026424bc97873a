using System.Buffers.Binary;
using KvStore.Core.Io;
using KvStore.Core.Primitives;

namespace KvStore.Core.Storage.Manifest;

/// <summary>CURRENT names the manifest that counts: magic (8), format version (4), zero (4), manifest number (8), XXH3-64 of the 24 bytes before (8).</summary>
internal static class CurrentFile
{
    public const string Name = "CURRENT";
    public const uint Version = 1;

    private const ulong Magic = 0x544E455252554364; // "dCURRENT"
    private const int Bytes = 32;

    /// <exception cref="CorruptionException">It is damaged or missing.</exception>
    public static ulong Read(IFileSystem fs, string directory)
    {
        var path = Path.Combine(directory, Name);
        if (!fs.FileExists(path)) throw new CorruptionException(path, 0, "missing");
        using var file = fs.Open(path, FileOpenMode.Read);
        Span<byte> bytes = stackalloc byte[Bytes + 1];
        if (file.Read(0, bytes) != Bytes) throw new CorruptionException(path, 0, "wrong length");
        if (BinaryPrimitives.ReadUInt64LittleEndian(bytes) != Magic) throw new CorruptionException(path, 0, "wrong magic");
        if (BinaryPrimitives.ReadUInt64LittleEndian(bytes[24..]) != StableHash.Of(bytes[..24])) throw new CorruptionException(path, 24, "wrong checksum");
        var version = BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]);
        if (version != Version) throw new CorruptionException(path, 8, $"storage format {version}, this program knows {Version}");
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes[16..]);
    }

    /// <summary>Makes the manifest the current one, durably and in one step.</summary>
    public static void Write(IFileSystem fs, string directory, ulong manifestNumber)
    {
        Span<byte> bytes = stackalloc byte[Bytes];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[8..], Version);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[16..], manifestNumber);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[24..], StableHash.Of(bytes[..24]));
        var path = Path.Combine(directory, Name);
        var temporary = path + ".tmp";
        if (fs.FileExists(temporary)) fs.Delete(temporary);
        using (var file = fs.Open(temporary, FileOpenMode.CreateNew))
        {
            file.Write(0, bytes);
            file.DataSync();
        }

        fs.Rename(temporary, path);
        fs.SyncDirectory(directory);
    }
}
