using System.Runtime.CompilerServices;
using Shouldly;

namespace KvStore.Tests.Daemon.Ctl;

/// <summary>What kvctl prints, pinned in Golden/ctl/. KVD_REWRITE_GOLDEN=1 writes the files anew.</summary>
internal static class GoldenFile
{
    public static void Check(string name, string actual)
    {
        var path = Path.Combine(Directory(), name);
        if (Environment.GetEnvironmentVariable("KVD_REWRITE_GOLDEN") == "1") File.WriteAllText(path, actual);
        File.Exists(path).ShouldBeTrue($"{path} is missing; KVD_REWRITE_GOLDEN=1 writes it");
        actual.ShouldBe(File.ReadAllText(path), name);
    }

    /// <summary>All golden documents, by file name.</summary>
    public static IEnumerable<string> Documents() => System.IO.Directory.EnumerateFiles(Directory(), "*.json").Order(StringComparer.Ordinal);

    private static string Directory([CallerFilePath] string thisFile = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(thisFile)!, "../../Golden/ctl"));
}
