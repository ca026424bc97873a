using System.CommandLine;
using System.CommandLine.Help;
using KvStore.Daemon.Ctl.Arguments;
using KvStore.Daemon.Ctl.Verbs;

namespace KvStore.Daemon.Ctl;

/// <summary>All of kvctl's command line. What is not listed here does not exist, neither in the help nor in the completions.</summary>
internal sealed class CommandTree
{
    private static readonly ParserConfiguration s_configuration = new()
    {
        // `@FILE` names the source of a value; the library would replace it by the words in the file.
        ResponseFileTokenReplacer = null,
        EnablePosixBundling = false,
    };

    public CommandTree()
    {
        // Not a RootCommand: that one is named after the executable, which may be kvd, and brings options of its own.
        Root = new Command("kvctl", "Reads, writes and looks after a kvd cluster.");
        Root.Options.Add(new HelpOption("--help", "-h") { Description = "show help", Recursive = true });
        Global.AddTo(Root);
        foreach (var verb in (Command[])[
            new PutVerb(), new GetVerb(), new DeleteVerb(), new ScanVerb(), Cluster(), new ExplainVerb(),
            new BenchVerb(), new VersionVerb(), new SchemaVerb(), new CompletionVerb(Root)])
            Root.Subcommands.Add(verb);
    }

    public Command Root { get; }

    public GlobalOptions Global { get; } = new();

    /// <summary>Reads a command line as <see cref="RawArguments"/> prepared it.</summary>
    public ParseResult Parse(string[] arguments) => Root.Parse(arguments, s_configuration);

    private static Command Cluster()
    {
        var cluster = new Command("cluster", "form the cluster and see how it is");
        foreach (var verb in (Command[])[new ClusterInitVerb(), new ClusterStatusVerb(), new ClusterRingVerb(), new ClusterMembersVerb()])
            cluster.Subcommands.Add(verb);
        return cluster;
    }
}
