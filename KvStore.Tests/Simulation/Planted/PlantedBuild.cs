using System.Diagnostics;
using KvStore.Tests.Tidy;

namespace KvStore.Tests.Simulation.Planted;

/// <summary>
/// A copy of the sources with every bug of the catalogue in it, in a directory for temporary files, and the tests built from it. The
/// product itself has no switches.
/// </summary>
internal sealed class PlantedBuild : IDisposable
{
    private static readonly string[] RootFiles = ["Directory.Build.props", "Directory.Packages.props", "global.json", ".editorconfig", "kvstore.sln"];
    private static readonly string[] Extensions = [".cs", ".csproj", ".txt", ".c"];

    private PlantedBuild(string directory) => Directory = directory;

    public string Directory { get; }

    /// <summary>What `dotnet` runs, with <see cref="PlantedSources.Variable"/> naming the bug that is to be on.</summary>
    public string Program => Path.Combine(Directory, "KvStore.Tests/bin/Release/net10.0/KvStore.Tests.dll");

    /// <summary>Copies, rewrites and builds: about a minute.</summary>
    /// <exception cref="InvalidOperationException">A place was not found, or the rewritten sources do not compile.</exception>
    public static PlantedBuild Make(IReadOnlyList<PlantedBug> bugs)
    {
        var build = new PlantedBuild(System.IO.Directory.CreateTempSubdirectory("kvd-planted-").FullName);
        try
        {
            build.CopySources(bugs);
            build.Compile();
            return build;
        }
        catch
        {
            build.Dispose();
            throw;
        }
    }

    public void Dispose() => System.IO.Directory.Delete(Directory, recursive: true);

    private void CopySources(IReadOnlyList<PlantedBug> bugs)
    {
        var edits = PlantedSources.ByFile(bugs);
        foreach (var file in Extensions.SelectMany(SourceFiles.With))
            Write(file.Path, edits.Contains(file.Path) ? PlantedSources.Rewrite(file.Text, edits[file.Path]) : file.Text);
        foreach (var file in RootFiles) Write(file, File.ReadAllText(Path.Combine(SourceFiles.Root, file)));
        Write(PlantedSources.SwitchFile, PlantedSources.SwitchClass(bugs));
    }

    private void Write(string path, string text)
    {
        var target = Path.Combine(Directory, path);
        System.IO.Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        File.WriteAllText(target, text);
    }

    /// <summary>Without the analyzers: the edits are mistakes, not style.</summary>
    private void Compile()
    {
        var start = new ProcessStartInfo("dotnet")
        {
            ArgumentList =
            {
                "build", "KvStore.Tests", "-c", "Release", "-nologo", "-v", "quiet",
                "-p:TreatWarningsAsErrors=false", "-p:RunAnalyzers=false", "-p:EnforceCodeStyleInBuild=false", "-p:NoWarn=CS0162%3BCS0168%3BCS0219%3BCS8604",
            },
            WorkingDirectory = Directory,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0) throw new InvalidOperationException($"the sources with the planted bugs do not compile:\n{output}{errors.Result}");
    }
}
