using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using KvStore.Tests.Simulation;

namespace KvStore.Tests.Fuzzing;

/// <summary>
/// The files of a directory as one input, so that names, lengths and contents are changed alike: for each file u8 length of the name, name,
/// u32 length, content. Reading is lenient: what does not fit is cut.
/// </summary>
internal static class FileSet
{
    private const int LongestName = 60;

    public static byte[] Of(SimDisk disk, string directory)
    {
        var bytes = new ArrayBufferWriter<byte>();
        foreach (var name in disk.List(directory))
        {
            var content = disk.Content($"{directory}/{name}");
            bytes.Write([(byte)name.Length]);
            bytes.Write(Encoding.ASCII.GetBytes(name));
            BinaryPrimitives.WriteInt32LittleEndian(bytes.GetSpan(4), content.Length);
            bytes.Advance(4);
            bytes.Write(content);
        }

        return bytes.WrittenSpan.ToArray();
    }

    /// <summary>A disk that holds the files in a directory.</summary>
    public static SimDisk Disk(ReadOnlySpan<byte> input, string directory)
    {
        var disk = new SimDisk(1);
        disk.CreateDirectory(directory);
        while (Take(input, out var name, out var from, out var length))
        {
            if (name.Length > 0) disk.SetContent($"{directory}/{name}", input.Slice(from, length));
            input = input[(from + length)..];
        }

        return disk;
    }

    /// <summary>Calls <paramref name="repair"/> with the name and the content of every file.</summary>
    public static void Repair(Span<byte> input, RepairFile repair)
    {
        while (Take(input, out var name, out var from, out var length))
        {
            repair(name, input.Slice(from, length));
            input = input[(from + length)..];
        }
    }

    public delegate void RepairFile(string name, Span<byte> content);

    private static bool Take(ReadOnlySpan<byte> input, out string name, out int from, out int length)
    {
        (name, from, length) = ("", 0, 0);
        if (input.Length < 6 || input[0] > LongestName || input.Length < 5 + input[0]) return false;
        name = string.Concat(input.Slice(1, input[0]).ToArray().Select(b => b is > 32 and < 127 and not (byte)'/' ? (char)b : '_'));
        if (name is "." or "..") name = "";
        from = 5 + input[0];
        length = (int)Math.Min(BinaryPrimitives.ReadUInt32LittleEndian(input[(from - 4)..]), (uint)(input.Length - from));
        return true;
    }
}
