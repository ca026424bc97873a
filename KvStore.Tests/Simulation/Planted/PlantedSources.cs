using System.Text;

namespace KvStore.Tests.Simulation.Planted;

/// <summary>The text of the product with every bug of a catalogue in it, each behind a switch of its own.</summary>
internal static class PlantedSources
{
    /// <summary>Names the bug that is on; unset or empty: none.</summary>
    public const string Variable = "KVD_PLANTED";

    /// <summary>Where <see cref="SwitchClass"/> goes: the project that every edit must lie in, for there its names are known.</summary>
    public const string SwitchFile = "KvStore.Core/Planted.cs";

    /// <summary>The edits of a file, and which bug each belongs to.</summary>
    public static ILookup<string, (PlantedBug Bug, PlantedEdit Edit)> ByFile(IEnumerable<PlantedBug> bugs) =>
        bugs.SelectMany(bug => bug.Edits.Select(edit => (Bug: bug, Edit: edit))).ToLookup(e => e.Edit.File);

    /// <summary>Rewrites one file. Two bugs may have the very same place.</summary>
    /// <exception cref="InvalidOperationException">A text is not there exactly once, or two overlap.</exception>
    public static string Rewrite(string source, IEnumerable<(PlantedBug Bug, PlantedEdit Edit)> edits)
    {
        var rewritten = new StringBuilder();
        var at = 0;
        foreach (var place in edits.GroupBy(e => e.Edit.Original).OrderBy(place => place.First().Edit.FindIn(source)))
        {
            var (bug, edit) = place.First();
            var start = edit.FindIn(source);
            if (start < 0) throw new InvalidOperationException($"{bug}: not exactly once in {edit.File}: {edit.Original}");
            if (start < at) throw new InvalidOperationException($"{bug}: overlaps another bug in {edit.File}: {edit.Original}");
            rewritten.Append(source, at, start - at).Append(place.Aggregate(edit.Original, (text, e) => e.Edit.Guarded($"Planted.{e.Bug.Identifier}", text)));
            at = start + edit.Original.Length;
        }

        return rewritten.Append(source, at, source.Length - at).ToString();
    }

    /// <summary>The switches: constants of the process, so that the just-in-time compiler drops what is off.</summary>
    public static string SwitchClass(IEnumerable<PlantedBug> bugs)
    {
        var text = new StringBuilder("namespace KvStore.Core;\n\ninternal static class Planted\n{\n");
        text.Append($"    private static readonly string On = System.Environment.GetEnvironmentVariable(\"{Variable}\") ?? \"\";\n");
        text.Append("    /// <summary>What a bug needs to know where it cannot be seen.</summary>\n    [System.ThreadStatic]\n    public static long WallMs;\n");
        foreach (var bug in bugs) text.Append($"    public static readonly bool {bug.Identifier} = On == \"{bug.Name}\";\n");
        return text.Append("}\n").ToString();
    }
}
