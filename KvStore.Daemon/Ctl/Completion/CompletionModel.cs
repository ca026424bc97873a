using System.CommandLine;
using System.CommandLine.Completions;

namespace KvStore.Daemon.Ctl.Completion;

/// <summary>One command as a shell completes it.</summary>
/// <param name="Path">Its words behind `kvctl`, separated by blanks; empty for kvctl itself.</param>
/// <param name="Operands">The words that may stand as its argument, where they are known.</param>
internal sealed record CompletionCommand(
    string Path, string Name, string Description, CompletionCommand[] Children, CompletionOption[] Options, string[] Operands)
{
    /// <summary>The command and all below it.</summary>
    public IEnumerable<CompletionCommand> All() => Children.SelectMany(c => c.All()).Prepend(this);
}

/// <summary>One option.</summary>
/// <param name="TakesWord">Whether a word follows it.</param>
/// <param name="Words">The words that may follow, where they are known.</param>
/// <param name="Everywhere">Every command takes it.</param>
internal sealed record CompletionOption(string Name, string Description, bool TakesWord, string[] Words, bool Everywhere);

/// <summary>Reads the command tree, so that completion can offer neither more nor less than kvctl takes.</summary>
internal static class CompletionModel
{
    public static CompletionCommand Of(Command root) => Of(root, "", []);

    private static CompletionCommand Of(Command command, string path, CompletionOption[] inherited)
    {
        var own = command.Options.Select(Of).ToArray();
        CompletionOption[] passedOn = [.. inherited, .. own.Where(o => o.Everywhere)];
        return new CompletionCommand(
            path, command.Name, command.Description ?? "",
            [.. command.Subcommands.Select(c => Of(c, path.Length == 0 ? c.Name : $"{path} {c.Name}", passedOn))],
            [.. own, .. inherited],
            [.. command.Arguments.SelectMany(a => WordsOf(a))]);
    }

    private static CompletionOption Of(Option option)
    {
        var takesWord = option.ValueType != typeof(bool) && option.Arity.MaximumNumberOfValues > 0;
        return new CompletionOption(option.Name, option.Description ?? "", takesWord, takesWord ? WordsOf(option) : [], option.Recursive);
    }

    private static string[] WordsOf(Symbol symbol) => [.. symbol.GetCompletions(CompletionContext.Empty).Select(c => c.Label)];
}
