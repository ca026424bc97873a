using System.Text.RegularExpressions;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Tidy;

/// <summary>A page that names a file or a heading which is not there sends its reader nowhere.</summary>
public sealed partial class LinkTests
{
    private static IEnumerable<string> Pages =>
        Directory.GetFiles(SourceFiles.Root, "*.md")
            .Concat(Directory.GetFiles(Path.Combine(SourceFiles.Root, "docs"), "*.md", SearchOption.AllDirectories))
            .Concat(SourceFiles.With(".md").Select(f => Path.Combine(SourceFiles.Root, f.Path)));

    [Test]
    public void The_pages_are_found() => Pages.Count().ShouldBeGreaterThan(10);

    [Test]
    public void Relative_links_lead_somewhere() => Pages.SelectMany(page => Broken(page, File.ReadAllText(page))).ShouldBeEmpty();

    [TestCase("[a](README.md)", 0)]
    [TestCase("[a](docs/protocol.md#1-frames)", 0)]
    [TestCase("[a](https://example.org/nothing.md) [b](#here)\n## Here\n", 0)]
    [TestCase("`[a](nothing.md)`\n```\n[b](nothing.md)\n```\n", 0)]
    [TestCase("[a](nothing.md)", 1)]
    [TestCase("[a](docs/protocol.md#no-such-heading) [b](#nor-this)", 2)]
    public void A_broken_link_is_found(string text, int count) => Broken(Path.Combine(SourceFiles.Root, "X.md"), text).Count().ShouldBe(count);

    private static IEnumerable<string> Broken(string page, string text)
    {
        foreach (Match link in Link().Matches(Code().Replace(text, "")))
        {
            var target = link.Groups[1].Value;
            if (target.Contains("://", StringComparison.Ordinal) || target.StartsWith("mailto:", StringComparison.Ordinal)) continue;
            var (path, anchor) = target.IndexOf('#') is var at && at >= 0 ? (target[..at], target[(at + 1)..]) : (target, "");
            var file = path.Length == 0 ? page : Path.Combine(Path.GetDirectoryName(page)!, path);
            var isFile = path.Length == 0 || File.Exists(file);
            if ((isFile || Directory.Exists(file)) && (anchor.Length == 0 || isFile && Anchors(path.Length == 0 ? text : File.ReadAllText(file)).Contains(anchor))) continue;
            yield return $"{Path.GetRelativePath(SourceFiles.Root, page)}: {target}";
        }
    }

    /// <summary>The names that headings get: lower case, without punctuation, blanks as hyphens.</summary>
    private static IEnumerable<string> Anchors(string text) => Heading().Matches(Fence().Replace(text, ""))
        .Select(m => Punctuation().Replace(m.Groups[1].Value.ToLowerInvariant(), "").Replace(' ', '-'));

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"^```.*?^```|`[^`\n]*`", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Code();

    [GeneratedRegex(@"^```.*?^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Fence();

    [GeneratedRegex(@"^#+ +(.+?) *$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex(@"[^\w\- ]")]
    private static partial Regex Punctuation();
}
