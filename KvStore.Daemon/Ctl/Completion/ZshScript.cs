using System.CommandLine;
using System.Text;

namespace KvStore.Daemon.Ctl.Completion;

/// <summary>Completion for zsh, with descriptions.</summary>
internal static class ZshScript
{
    public static string Write(Command root)
    {
        var commands = CompletionModel.Of(root).All().ToArray();
        var text = new StringBuilder("""
            #compdef kvctl
            # zsh completion for kvctl, written by `kvctl completion zsh`.
            # For every shell: save it as _kvctl in a directory of $fpath.
            _kvctl() {
                local place= word
                local -a offers
                for word in "${(@)words[2,CURRENT-1]}"; do
                    case "${place:+$place }$word" in

            """);
        text.Append($"            {string.Join("|", commands.Where(c => c.Path.Length > 0).Select(c => Quote(c.Path)))})\n");
        text.Append("""
                            place="${place:+$place }$word" ;;
                    esac
                done
                case "${words[CURRENT-1]}" in

            """);
        foreach (var option in commands.SelectMany(c => c.Options).Where(o => o.TakesWord).DistinctBy(o => o.Name))
        {
            var offer = option.Words.Length > 0 ? $"compadd -- {string.Join(" ", option.Words)}; " : "";
            text.Append($"        {option.Name}) {offer}return ;;\n");
        }

        text.Append("    esac\n    case \"$place\" in\n");
        foreach (var command in commands)
        {
            text.Append($"        {Quote(command.Path)}) offers=(\n");
            foreach (var child in command.Children) text.Append($"            {Offer(child.Name, child.Description)}\n");
            foreach (var word in command.Operands) text.Append($"            {Quote(word)}\n");
            foreach (var option in command.Options) text.Append($"            {Offer(option.Name, option.Description)}\n");
            text.Append("            ) ;;\n");
        }

        return text.Append("""
                esac
                _describe 'kvctl' offers
            }
            if [ "$funcstack[1]" = "_kvctl" ]; then _kvctl "$@"; else compdef _kvctl kvctl; fi

            """).ToString();
    }

    // _describe splits at the first colon that is not escaped.
    private static string Offer(string name, string description) => Quote($"{name}:{description.Replace(":", "\\:")}");

    private static string Quote(string text) => $"'{text.Replace("'", "'\\''")}'";
}
