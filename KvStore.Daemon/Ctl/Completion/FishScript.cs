using System.CommandLine;
using System.Text;

namespace KvStore.Daemon.Ctl.Completion;

/// <summary>Completion for fish: one line for each word, with the condition under which it is offered.</summary>
internal static class FishScript
{
    public static string Write(Command root)
    {
        var text = new StringBuilder("""
            # fish completion for kvctl, written by `kvctl completion fish`.
            # For this shell: kvctl completion fish | source
            complete -c kvctl -f

            """);
        var commands = CompletionModel.Of(root);
        foreach (var option in commands.Options.Where(o => o.Everywhere)) text.Append($"complete -c kvctl{Words(option)}\n");
        foreach (var command in commands.All())
        {
            var here = Quote(Condition(command));
            foreach (var child in command.Children)
                text.Append($"complete -c kvctl -n {here} -a {child.Name} -d {Quote(child.Description)}\n");
            foreach (var word in command.Operands)
                text.Append($"complete -c kvctl -n {here} -a {Quote(word)}\n");
            foreach (var option in command.Options.Where(o => !o.Everywhere))
                text.Append($"complete -c kvctl -n {here}{Words(option)}\n");
        }

        return text.ToString();
    }

    private static string Condition(CompletionCommand command)
    {
        var seen = command.Path.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(word => $"__fish_seen_subcommand_from {word}");
        var children = string.Join(" ", command.Children.Select(c => c.Name));
        return string.Join("; and ", children.Length > 0 ? seen.Append($"not __fish_seen_subcommand_from {children}") : seen);
    }

    private static string Words(CompletionOption option)
    {
        var following = option.Words.Length > 0 ? $" -x -a {Quote(string.Join(" ", option.Words))}" : option.TakesWord ? " -x" : "";
        return $" -l {option.Name[2..]}{following} -d {Quote(option.Description)}";
    }

    private static string Quote(string text) => $"'{text.Replace("\\", "\\\\").Replace("'", "\\'")}'";
}
