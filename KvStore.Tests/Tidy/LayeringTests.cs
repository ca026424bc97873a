using System.Text.RegularExpressions;
using System.Xml.Linq;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Tidy;

/// <summary>The dependency direction of docs/architecture.md, read from the project files and the names that the source uses.</summary>
public sealed partial class LayeringTests
{
    private static readonly Dictionary<string, string[]> ProjectsSeen = new()
    {
        ["KvStore.Protocol"] = [],
        ["KvStore.Core"] = ["KvStore.Protocol"],
        ["KvStore.Daemon"] = ["KvStore.Core", "KvStore.Protocol"],
    };

    /// <summary>For each layer (a namespace prefix, the longest that fits counts) the layers it may name beside itself.</summary>
    private static readonly Dictionary<string, string[]> LayersSeen = new()
    {
        ["KvStore.Protocol"] = [],
        ["KvStore.Core.Primitives"] = [],
        ["KvStore.Core.Io"] = ["KvStore.Core.Primitives", "KvStore.Protocol"],
        ["KvStore.Core.Storage"] = ["KvStore.Core.Primitives", "KvStore.Core.Io"],
        ["KvStore.Core.Ring"] = ["KvStore.Core.Primitives", "KvStore.Protocol"],
        ["KvStore.Core.Raft"] = ["KvStore.Core.Primitives"],
        ["KvStore.Core.Node"] =
        [
            "KvStore.Core.Primitives", "KvStore.Core.Io", "KvStore.Core.Storage", "KvStore.Core.Ring", "KvStore.Core.Raft", "KvStore.Protocol",
        ],
        ["KvStore.Daemon.Ctl"] = ["KvStore.Protocol"],
        ["KvStore.Daemon"] =
        [
            "KvStore.Protocol", "KvStore.Core.Primitives", "KvStore.Core.Io", "KvStore.Core.Storage", "KvStore.Core.Ring",
            "KvStore.Core.Raft", "KvStore.Core.Node", "KvStore.Daemon.Ctl",
        ],
    };

    private static readonly string[] WithoutAsync = ["KvStore.Core/Raft/", "KvStore.Core/Ring/", "KvStore.Core/Storage/"];

    [Test]
    public void Projects_refer_downwards_only()
    {
        foreach (var file in SourceFiles.With(".csproj").Where(f => ProjectsSeen.ContainsKey(f.Project)))
        {
            var references = XDocument.Parse(file.Text).Descendants("ProjectReference")
                .Select(r => Path.GetFileNameWithoutExtension(((string)r.Attribute("Include")!).Replace('\\', '/')));
            references.Except(ProjectsSeen[file.Project]).ShouldBeEmpty(file.Path);
        }
    }

    [Test]
    public void Namespaces_follow_the_folders()
    {
        var wrong = SourceFiles.With(".cs")
            .Where(f => NamespaceOf(f) is { } name && name != Path.GetDirectoryName(f.Path)!.Replace('/', '.'))
            .Select(f => $"{f.Path}: {NamespaceOf(f)}");
        wrong.ShouldBeEmpty();
    }

    [Test]
    public void Layers_name_only_the_layers_below_them() =>
        SourceFiles.With(".cs").SelectMany(Violations).ShouldBeEmpty();

    /// <summary>The rule must be able to fail: each of these lines breaks it.</summary>
    [TestCase("KvStore.Core/Raft/X.cs", "namespace KvStore.Core.Raft;", "using KvStore.Core.Io;")]
    [TestCase("KvStore.Core/Raft/X.cs", "namespace KvStore.Core.Raft;", "var x = new Storage.StorageEngine();")]
    [TestCase("KvStore.Core/Ring/X.cs", "namespace KvStore.Core.Ring;", "var x = KvStore.Core.Raft.RaftNode.Create();")]
    [TestCase("KvStore.Core/Storage/Wal/X.cs", "namespace KvStore.Core.Storage.Wal;", "using KvStore.Core.Ring;")]
    [TestCase("KvStore.Core/Storage/X.cs", "namespace KvStore.Core.Storage;", "using static KvStore.Protocol.Wire.Limits;")]
    [TestCase("KvStore.Protocol/Wire/X.cs", "namespace KvStore.Protocol.Wire;", "using KvStore.Core.Primitives;")]
    [TestCase("KvStore.Daemon/Ctl/X.cs", "namespace KvStore.Daemon.Ctl;", "using KvStore.Core.Ring;")]
    [TestCase("KvStore.Daemon/Ctl/X.cs", "namespace KvStore.Daemon.Ctl;", "using KvStore.Daemon.Server;")]
    public void A_name_from_above_is_found(string path, string first, string second) =>
        Violations(new SourceFile(path, $"{first}\n{second}\n")).ShouldHaveSingleItem();

    [Test]
    public void Comments_and_own_names_are_no_violation() =>
        Violations(new SourceFile("KvStore.Core/Raft/X.cs", "namespace KvStore.Core.Raft;\n// see KvStore.Core.Storage\nusing KvStore.Core.Primitives;\nRaft.Log log = Node.Value;\n")).ShouldBeEmpty();

    [Test]
    public void Consensus_ring_and_storage_know_no_tasks()
    {
        var found = SourceFiles.With(".cs")
            .Where(f => WithoutAsync.Any(f.Path.StartsWith))
            .SelectMany(f => f.Lines.Where(l => Asynchrony().IsMatch(Code(l.Text))).Select(l => $"{f.Path}:{l.Number}: {l.Text.Trim()}"));
        found.ShouldBeEmpty();
    }

    [TestCase("private async void Run()", true)]
    [TestCase("await x;", true)]
    [TestCase("Task<int> Get();", true)]
    [TestCase("ValueTask Get();", true)]
    [TestCase("using System.Threading.Tasks;", true)]
    [TestCase("int tasks = 3; // await nothing", false)]
    public void Asynchrony_is_recognised(string line, bool found) => Asynchrony().IsMatch(Code(line)).ShouldBe(found);

    private static IEnumerable<string> Violations(SourceFile file)
    {
        if (NamespaceOf(file) is not { } name || LayerOf(name) is not { } layer) yield break;
        foreach (var (number, text) in file.Lines)
        {
            foreach (var seen in NamesIn(Code(text)))
            {
                var other = LayerOf(seen);
                if (other is not null && other != layer && !LayersSeen[layer].Contains(other))
                    yield return $"{file.Path}:{number}: {layer} must not see {other}: {text.Trim()}";
            }
        }
    }

    /// <summary>
    /// Full names, and those that begin with a folder of Core: inside KvStore.Core.Raft, `Storage.X` is KvStore.Core.Storage.X.
    /// `Node` is also what many values call their node id: the members of that type are no names of the layer.
    /// </summary>
    private static IEnumerable<string> NamesIn(string code) =>
        FullName().Matches(code).Select(m => m.Value).Concat(PartialName().Matches(code).Select(m => "KvStore.Core." + m.Groups[1].Value));

    private static string? LayerOf(string name) => LayersSeen.Keys
        .Where(layer => name == layer || name.StartsWith(layer + ".", StringComparison.Ordinal))
        .MaxBy(layer => layer.Length);

    private static string? NamespaceOf(SourceFile file) => Namespace().Match(file.Text) is { Success: true } match ? match.Groups[1].Value : null;

    private static string Code(string line) => line.IndexOf("//", StringComparison.Ordinal) is var at && at >= 0 ? line[..at] : line;

    [GeneratedRegex(@"^namespace ([\w.]+);", RegexOptions.Multiline)]
    private static partial Regex Namespace();

    [GeneratedRegex(@"\bKvStore(\.\w+)+")]
    private static partial Regex FullName();

    [GeneratedRegex(@"(?<![\w.])((?:(?:Io|Storage|Ring|Raft|Primitives)|Node(?!\.(?:Value|IsNone|CompareTo|Equals|ToString)\b))\.[A-Z]\w+)")]
    private static partial Regex PartialName();

    [GeneratedRegex(@"\b(async|await|Task|ValueTask|Threading\.Tasks)\b")]
    private static partial Regex Asynchrony();
}
