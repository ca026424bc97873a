using System.CommandLine;
using KvStore.Daemon.Ctl.Documents;

namespace KvStore.Daemon.Ctl.Verbs;

/// <summary>`version`: what this build is. Asks no node.</summary>
internal sealed class VersionVerb() : Verb("version", "show the version of this build")
{
    public override Task<int> RunAsync(ParseResult parse, CtlContext context)
    {
        if (context.Settings.Json) context.Print(VersionDocument.Json());
        else context.Print(VersionDocument.Text());
        return Task.FromResult(ExitCode.Done);
    }
}
