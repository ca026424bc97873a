using System.CommandLine;
using System.Text;

namespace KvStore.Daemon.Ctl.Completion;

/// <summary>Completion for bash: finds the command among the words before the cursor, then offers its words.</summary>
internal static class BashScript
{
    public static string Write(Command root)
    {
        var commands = CompletionModel.Of(root).All().ToArray();
        var text = new StringBuilder("""
            # bash completion for kvctl, written by `kvctl completion bash`.
            # For this shell: source <(kvctl completion bash)
            _kvctl() {
                local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} path= words= word
                for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
                    case "${path:+$path }$word" in

            """);
        text.Append($"            {string.Join("|", commands.Where(c => c.Path.Length > 0).Select(c => Quote(c.Path)))})\n");
        text.Append("""
                            path="${path:+$path }$word" ;;
                    esac
                done
                case "$prev" in

            """);
        foreach (var option in commands.SelectMany(c => c.Options).Where(o => o.TakesWord).DistinctBy(o => o.Name))
        {
            var offer = option.Words.Length > 0 ? $"COMPREPLY=($(compgen -W {Quote(string.Join(" ", option.Words))} -- \"$cur\")); " : "";
            text.Append($"        {option.Name}) {offer}return ;;\n");
        }

        text.Append("    esac\n    case \"$path\" in\n");
        foreach (var command in commands)
        {
            var words = command.Children.Select(c => c.Name).Concat(command.Operands).Concat(command.Options.Select(o => o.Name));
            text.Append($"        {Quote(command.Path)}) words={Quote(string.Join(" ", words))} ;;\n");
        }

        return text.Append("""
                esac
                COMPREPLY=($(compgen -W "$words" -- "$cur"))
            }
            complete -F _kvctl kvctl

            """).ToString();
    }

    private static string Quote(string words) => $"'{words}'";
}
