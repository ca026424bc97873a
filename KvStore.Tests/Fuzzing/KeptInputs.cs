using System.IO.Compression;
using NUnit.Framework;

namespace KvStore.Tests.Fuzzing;

/// <summary>Inputs that once broke a promise, one a line in Golden/fuzz/TARGET.txt: the bytes as text, then what it was about.</summary>
internal static class KeptInputs
{
    private const string Packed = "gz:";
    private const string Nothing = "-";

    private static string Directory => Path.Combine(AppContext.BaseDirectory, "Golden", "fuzz");

    public static IEnumerable<TestCaseData> All =>
        System.IO.Directory.EnumerateFiles(Directory, "*.txt").Order(StringComparer.Ordinal).SelectMany(path => File.ReadLines(path)
            .Where(line => line.Length > 0)
            .Select((line, number) => new TestCaseData(Path.GetFileNameWithoutExtension(path), line).SetArgDisplayNames(Path.GetFileNameWithoutExtension(path), $"{number + 1}")));

    /// <summary>Hexadecimal digits, or for what is long base64 of its gzip.</summary>
    public static string TextOf(byte[] input)
    {
        if (input.Length <= 200) return input.Length == 0 ? Nothing : Convert.ToHexString(input);
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.SmallestSize)) gzip.Write(input);
        return Packed + Convert.ToBase64String(packed.ToArray());
    }

    /// <summary>The inverse of <see cref="TextOf"/> for the first word of a line.</summary>
    public static byte[] BytesOf(string line)
    {
        var text = line.Split(' ', 2)[0];
        if (text == Nothing) return [];
        if (!text.StartsWith(Packed, StringComparison.Ordinal)) return Convert.FromHexString(text);
        using var gzip = new GZipStream(new MemoryStream(Convert.FromBase64String(text[Packed.Length..])), CompressionMode.Decompress);
        using var bytes = new MemoryStream();
        gzip.CopyTo(bytes);
        return bytes.ToArray();
    }
}
