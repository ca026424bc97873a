using System.Diagnostics;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Daemon.Ctl;

/// <summary>The script for bash, run by bash.</summary>
public sealed class BashCompletionTests
{
    [TestCase("", "put get delete scan cluster explain bench version schema completion")]
    [TestCase("cl", "cluster")]
    [TestCase("cluster ", "init status ring members")]
    [TestCase("cluster status --w", "--watch")]
    [TestCase("--json get --q", "--quorum")]
    [TestCase("get --consistency ", "fast strong")]
    [TestCase("--endpoints ", "")]
    [TestCase("completion ", "bash fish zsh")]
    public async Task Words_offered(string typed, string offered)
    {
        var script = (await CtlRun.OfAsync("completion", "bash")).Out;
        var words = typed.Split(' ');
        var test = $"{script}\nCOMP_WORDS=(kvctl {string.Join(" ", words.Select(w => $"'{w}'"))}); COMP_CWORD={words.Length}; _kvctl; echo \"${{COMPREPLY[*]}}\"";
        using var bash = Process.Start(new ProcessStartInfo("bash", ["--norc", "-c", test]) { RedirectStandardOutput = true })!;
        var printed = (await bash.StandardOutput.ReadToEndAsync()).Trim();
        await bash.WaitForExitAsync();
        var expected = offered.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        // Behind the words of the command come its options.
        var found = printed.Split(' ', StringSplitOptions.RemoveEmptyEntries).Where(w => typed.Contains("--") || !w.StartsWith('-'));
        found.ShouldBe(expected);
    }
}
