using System.CommandLine;
using System.CommandLine.Help;
using KvStore.Daemon.Ctl.Arguments;
using KvStore.Daemon.Ctl.Verbs;

namespace KvStore.Daemon.Ctl;

/// <summary>All of kvctl's command line.</summary>
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
        Root = new RootCommand("Reads, writes and looks after a kvd cluster.");
        Root.Directives.Clear();
        Root.Options.Clear();
        Root.Options.Add(new HelpOption("--help", "-h") { Description = "show help" });
        Global.AddTo(Root);
        foreach (var verb in (Command[])[
            
            new VersionVerb(), new SchemaVerb(), new CompletionVerb(Root)])
            Root.Subcommands.Add(verb);
    }

    public RootCommand Root { get; }

    public GlobalOptions Global { get; } = new();

    /// <summary>Reads a command line as <see cref="RawArguments"/> prepared it.</summary>
    public ParseResult Parse(string[] arguments) => Root.Parse(arguments, s_configuration);
}
