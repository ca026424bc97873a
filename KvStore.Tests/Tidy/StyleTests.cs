using System.Text.RegularExpressions;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Tidy;

/// <summary>House rules that need no compiler.</summary>
public sealed partial class StyleTests
{
    private const int LongestFile = 500;

    // The rules would find themselves here.
    private const string ThisFile = "KvStore.Tests/Tidy/StyleTests.cs";

    private static IEnumerable<SourceFile> Sources => SourceFiles.With(".cs").Where(f => f.Path != ThisFile);

    [Test]
    public void The_sources_are_found() => Sources.Count().ShouldBeGreaterThan(20);

    [Test]
    public void No_file_is_longer_than_500_lines() =>
        Sources.Where(f => f.Lines.Count() - 1 > LongestFile).Select(f => $"{f.Path}: {f.Lines.Count() - 1} lines").ShouldBeEmpty();

    [Test]
    public void Nothing_is_left_for_later() => Found(Sources, Unfinished()).ShouldBeEmpty();

    [Test]
    public void Files_do_not_hide_behind_regions_or_empty_names()
    {
        Found(Sources, RegionDirective()).ShouldBeEmpty();
        Sources.Select(f => f.Path).Where(p => EmptyName().IsMatch(Path.GetFileNameWithoutExtension(p))).ShouldBeEmpty();
    }

    /// <summary>A test waits for a condition with a deadline (<see cref="Eventually"/>); a fixed pause is either too long or too short.</summary>
    [Test]
    public void Tests_do_not_sleep() =>
        Found(Sources.Where(f => f.Project == "KvStore.Tests" && f.Path != "KvStore.Tests/Eventually.cs"), FixedPause()).ShouldBeEmpty();

    [Test]
    public void Lines_end_plainly()
    {
        foreach (var file in Sources)
        {
            file.Text.ShouldNotContain('\r', file.Path);
            file.Text.ShouldEndWith("\n", customMessage: file.Path);
        }
    }

    [TestCase("// TODO later", true)]
    [TestCase("throw new NotImplementedException();", true)]
    [TestCase("var todoList = 1;", false)]
    public void An_unfinished_line_is_recognised(string line, bool found) => Unfinished().IsMatch(line).ShouldBe(found);

    [TestCase("Thread.Sleep(10);", true)]
    [TestCase("await Task.Delay(100);", true)]
    [TestCase("await Task.Delay(TimeSpan.FromSeconds(1), token);", true)]
    [TestCase("delay.ShouldBe(3);", false)]
    public void A_pause_is_recognised(string line, bool found) => FixedPause().IsMatch(line).ShouldBe(found);

    private static IEnumerable<string> Found(IEnumerable<SourceFile> files, Regex pattern) =>
        files.SelectMany(f => f.Lines.Where(l => pattern.IsMatch(l.Text)).Select(l => $"{f.Path}:{l.Number}: {l.Text.Trim()}"));

    [GeneratedRegex(@"\b(TODO|FIXME|XXX|HACK)\b|NotImplementedException")]
    private static partial Regex Unfinished();

    [GeneratedRegex(@"^\s*#(end)?region\b")]
    private static partial Regex RegionDirective();

    [GeneratedRegex("(Utils?|Helpers?|Manager)$")]
    private static partial Regex EmptyName();

    [GeneratedRegex(@"\bThread\.Sleep\(|\bTask\.Delay\(")]
    private static partial Regex FixedPause();
}
