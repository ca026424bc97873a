using System.Runtime.CompilerServices;

namespace KvStore.Tests.Tidy;

/// <summary>Finds the repository's sources from wherever the tests run.</summary>
internal static class SourceFiles
{
    private static readonly Lazy<string> RootDirectory = new(() => FindRoot());

    public static string Root => RootDirectory.Value;

    /// <summary>Every file of the given extension under the project directories, in ordinal order, without build output. Paths use '/' and begin with the project.</summary>
    public static IReadOnlyList<SourceFile> With(string extension) =>
    [
        .. Directory.GetDirectories(Root, "KvStore.*")
            .SelectMany(project => Directory.GetFiles(project, "*" + extension, SearchOption.AllDirectories))
            .Select(path => (Absolute: path, Relative: Path.GetRelativePath(Root, path).Replace('\\', '/')))
            .Where(path => !path.Relative.Contains("/obj/") && !path.Relative.Contains("/bin/"))
            .OrderBy(path => path.Relative, StringComparer.Ordinal)
            .Select(path => new SourceFile(path.Relative, File.ReadAllText(path.Absolute))),
    ];

    // The tests may run from anywhere; this file knows where it was compiled.
    private static string FindRoot([CallerFilePath] string here = "")
    {
        var directory = new DirectoryInfo(Path.GetDirectoryName(here)!);
        while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "kvstore.sln"))) directory = directory.Parent;
        return directory?.FullName ?? throw new InvalidOperationException($"no kvstore.sln above {here}");
    }
}
