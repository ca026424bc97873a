using System.CommandLine;
using KvStore.Daemon.Ctl.Arguments;
using KvStore.Daemon.Ctl.Completion;

namespace KvStore.Daemon.Ctl.Verbs;

/// <summary>`completion SHELL`: a script that teaches a shell kvctl's words.</summary>
internal sealed class CompletionVerb : Verb
{
    private readonly Command _root;
    private readonly Argument<string> _shell = Words.Operand("SHELL", "bash, zsh or fish");

    public CompletionVerb(Command root) : base("completion", "print a completion script for a shell")
    {
        _root = root;
        _shell.CompletionSources.Add("bash", "zsh", "fish");
        Arguments.Add(_shell);
    }

    public override Task<int> RunAsync(ParseResult parse, CtlContext context)
    {
        context.Print(parse.GetRequiredValue(_shell) switch
        {
            "bash" => BashScript.Write(_root),
            "zsh" => ZshScript.Write(_root),
            "fish" => FishScript.Write(_root),
            var other => throw new UsageException($"'{other}' is not bash, zsh or fish"),
        });
        return Task.FromResult(ExitCode.Done);
    }
}
