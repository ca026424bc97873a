using System.Diagnostics;
using System.Text.RegularExpressions;
using KvStore.Daemon.Config;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Daemon;

public sealed partial class PackagingTests
{
    private static readonly string Root = FindRoot();

    [Test]
    public void The_configuration_file_shows_every_key_with_its_default()
    {
        var section = "";
        var shown = new List<string>();
        foreach (var line in File.ReadLines(Path.Combine(Root, "packaging/kvd.conf")))
        {
            if (SectionLine().Match(line) is { Success: true } header) section = header.Groups[1].Value;
            else if (KeyLine().Match(line) is { Success: true } key) shown.Add($"{section}.{key.Groups[1].Value} = {key.Groups[2].Value}".TrimEnd());
        }

        // The name's default is the host's, which a file cannot show.
        shown.ShouldBe(Settings.All.Select(s => $"{s.Key} = {(s == Settings.NodeName ? "" : s.Default)}".TrimEnd()));
    }

    [Test]
    public void The_configuration_file_as_shipped_is_the_default_and_each_of_its_lines_can_be_uncommented()
    {
        var shipped = File.ReadAllText(Path.Combine(Root, "packaging/kvd.conf"));
        var path = Path.GetTempFileName();
        try
        {
            File.WriteAllText(path, shipped);
            KvdConfig.Load(new ConfigSources { File = path }).Values.ShouldAllBe(v => v.Origin == "default");
            File.WriteAllText(path, KeyLine().Replace(shipped, "$1 = $2").Replace("\nname = \n", "\nname = n1\n"));
            KvdConfig.Load(new ConfigSources { File = path }).Values.ShouldAllBe(v => v.Origin == path);
        }
        finally
        {
            File.Delete(path);
        }
    }

    /// <summary>With the real executable where there is one, else with another: what is checked is the package around it.</summary>
    [Test]
    public void The_package_is_built_and_holds_what_it_must()
    {
        var output = Directory.CreateTempSubdirectory("kvd-package-").FullName;
        try
        {
            var binary = Environment.GetEnvironmentVariable("KVD_BINARY") ?? "/bin/ls";
            var package = Run("packaging/build-deb.sh", binary, output).Trim();
            Path.GetFileName(package).ShouldMatch(@"^kvd_\d+\.\d+\.\d+_(amd64|arm64)\.deb$");
            Run("packaging/check-deb.sh", package).ShouldContain("contents are right");
        }
        finally
        {
            Directory.Delete(output, recursive: true);
        }
    }

    [Test]
    public void The_unit_does_not_restart_what_would_fail_again()
    {
        var unit = File.ReadAllLines(Path.Combine(Root, "systemd/kvd.service"));
        unit.ShouldContain($"RestartPreventExitStatus=64 70 {ConfigException.ExitCode}");
        unit.ShouldContain("Type=notify");
        unit.ShouldContain("MemoryDenyWriteExecute=true");
    }

    private static string Run(string script, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(Path.Combine(Root, script), arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        process.ExitCode.ShouldBe(0, $"{script}: {output}{errors.Result}");
        return output;
    }

    private static string FindRoot()
    {
        var directory = TestContext.CurrentContext.TestDirectory;
        while (!File.Exists(Path.Combine(directory, "kvstore.sln"))) directory = Path.GetDirectoryName(directory)!;
        return directory;
    }

    [GeneratedRegex(@"^\[(\w+)\]$")]
    private static partial Regex SectionLine();

    [GeneratedRegex(@"^#(\w+) =[ ]?(.*)$", RegexOptions.Multiline)]
    private static partial Regex KeyLine();
}
