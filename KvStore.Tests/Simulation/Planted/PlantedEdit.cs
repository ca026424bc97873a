namespace KvStore.Tests.Simulation.Planted;

/// <summary>
/// One place of the product where a planted bug makes it do something else. The text must occur exactly once in its file, and the edits
/// of one file must not overlap, so that all bugs can be built into one copy of the sources and switched on one at a time.
/// </summary>
/// <param name="File">Below the repository's root, with '/'.</param>
/// <param name="Original">The right text: whole statements, or one whole expression.</param>
/// <param name="Replacement">What stands in its place when the bug is on; of statements it may be nothing.</param>
internal sealed record PlantedEdit(string File, string Original, string Replacement)
{
    /// <summary>Statements end with a semicolon or a brace; an expression does not.</summary>
    public bool IsExpression => Original[^1] is not (';' or '}');

    /// <summary>Both texts, of which a switch chooses one at run time.</summary>
    /// <param name="isOn">An expression: whether the bug is on.</param>
    /// <param name="otherwise">The original, or what other bugs have made of it.</param>
    public string Guarded(string isOn, string otherwise) => IsExpression
        ? $"({isOn} ? ({Replacement}) : ({otherwise}))"
        : $"if ({isOn}) {{ {Replacement} }} else {{ {otherwise} }}";

    /// <summary>Where the text stands in its file; -1 if it is not there, or more than once.</summary>
    public int FindIn(string source)
    {
        var at = source.IndexOf(Original, StringComparison.Ordinal);
        return at >= 0 && source.IndexOf(Original, at + 1, StringComparison.Ordinal) < 0 ? at : -1;
    }
}
