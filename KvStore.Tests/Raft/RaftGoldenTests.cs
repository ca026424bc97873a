using System.Runtime.CompilerServices;
using System.Text;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Raft;

/// <summary>
/// Golden scripts (after etcd-io/raft, testdata): each command is followed by `----` and everything the replicas did because of it.
/// KVD_REWRITE_GOLDEN=1 writes what is found instead of comparing.
/// </summary>
public sealed class RaftGoldenTests
{
    [TestCaseSource(nameof(Scripts))]
    public void Script(string name)
    {
        var path = Path.Combine(Folder(), name + ".txt");
        var expected = File.ReadAllText(path);
        var actual = Replay(expected);
        if (Environment.GetEnvironmentVariable("KVD_REWRITE_GOLDEN") == "1") File.WriteAllText(path, actual);
        else actual.ShouldBe(expected);
    }

    private static IEnumerable<string> Scripts() =>
        Directory.EnumerateFiles(Folder(), "*.txt").Select(p => Path.GetFileNameWithoutExtension(p)!).Order(StringComparer.Ordinal);

    private static string Folder([CallerFilePath] string thisFile = "") =>
        Path.Combine(Path.GetDirectoryName(thisFile)!, "..", "Golden", "raft");

    /// <summary>Blocks are separated by empty lines; lines with `#` are kept as they are.</summary>
    private static string Replay(string text)
    {
        var script = new RaftScript();
        var result = new StringBuilder();
        foreach (var block in text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries))
        {
            var lines = block.Split('\n', StringSplitOptions.RemoveEmptyEntries).TakeWhile(l => l != "----").ToArray();
            if (result.Length > 0) result.Append('\n');
            foreach (var line in lines) result.Append(line).Append('\n');
            if (lines.LastOrDefault(l => !l.StartsWith('#')) is not { } command) continue;
            result.Append("----\n").Append(script.Run(command));
        }

        return result.ToString();
    }
}
