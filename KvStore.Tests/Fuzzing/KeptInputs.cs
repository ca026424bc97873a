using NUnit.Framework;

namespace KvStore.Tests.Fuzzing;

/// <summary>Inputs that once broke a promise, one a line in Golden/fuzz/TARGET.txt: hexadecimal digits, then what it was about.</summary>
internal static class KeptInputs
{
    private static string Directory => Path.Combine(AppContext.BaseDirectory, "Golden", "fuzz");

    public static IEnumerable<TestCaseData> All =>
        System.IO.Directory.EnumerateFiles(Directory, "*.txt").Order(StringComparer.Ordinal).SelectMany(path => File.ReadLines(path)
            .Where(line => line.Length > 0)
            .Select((line, number) => new TestCaseData(Path.GetFileNameWithoutExtension(path), line).SetArgDisplayNames(Path.GetFileNameWithoutExtension(path), $"{number + 1}")));

    public static byte[] BytesOf(string line) => Convert.FromHexString(line.Split(' ', 2)[0]);
}
