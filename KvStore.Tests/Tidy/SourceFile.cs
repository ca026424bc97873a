namespace KvStore.Tests.Tidy;

/// <summary>A source file of the repository, for tests that read the code as text.</summary>
internal sealed record SourceFile(string Path, string Text)
{
    public IEnumerable<(int Number, string Text)> Lines => Text.Split('\n').Select((line, i) => (i + 1, line));

    /// <summary>The project directory the file lies in: "KvStore.Core".</summary>
    public string Project => Path[..Path.IndexOf('/')];
}
