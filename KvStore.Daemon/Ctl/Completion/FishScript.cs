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
        foreach (var command in CompletionModel.Of(root).All())
        {
            var here = Quote(Condition(command));
            foreach (var child in command.Children)
                text.Append($"complete -c kvctl -n {here} -a {child.Name} -d {Quote(child.Description)}\n");
            foreach (var word in command.Operands)
                text.Append($"complete -c kvctl -n {here} -a {Quote(word)}\n");
            foreach (var option in command.Options)
                text.Append($"complete -c kvctl -n {here} -l {option.Name[2..]}{Following(option)} -d {Quote(option.Description)}\n");
        }

        return text.ToString();
    }

    private static string Condition(CompletionCommand command)
    {
        var seen = command.Path.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(word => $"__fish_seen_subcommand_from {word}");
        var children = string.Join(" ", command.Children.Select(c => c.Name));
        return string.Join("; and ", children.Length > 0 ? seen.Append($"not __fish_seen_subcommand_from {children}") : seen);
    }

    private static string Following(CompletionOption option)
    {
        if (!option.TakesWord) return "";
        return option.Words.Length > 0 ? $" -x -a {Quote(string.Join(" ", option.Words))}" : " -x";
    }

    private static string Quote(string text) => $"'{text.Replace("\\", "\\\\").Replace("'", "\\'")}'";
}
