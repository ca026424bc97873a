using System.CommandLine;
using System.CommandLine.Help;
using KvStore.Daemon.Ctl.Arguments;
using KvStore.Daemon.Ctl.Output;
using KvStore.Daemon.Ctl.Verbs;

namespace KvStore.Daemon.Ctl;

/// <summary>kvctl: from arguments to exit status.</summary>
internal static class CtlMain
{
    private const string CommandLineFile = "/proc/self/cmdline";

    /// <summary>Whether this process was called as kvctl: through a link, a copy or any other way to name it.</summary>
    public static bool IsCalledByName()
    {
        var first = File.ReadAllBytes(CommandLineFile).AsSpan();
        if (first.IndexOf((byte)0) is var end and >= 0) first = first[..end];
        return first[(first.LastIndexOf((byte)'/') + 1)..].StartsWith("kvctl"u8);
    }

    /// <summary>Runs kvctl on the process's own streams.</summary>
    /// <param name="args">The arguments behind the program's name (and behind `ctl`).</param>
    /// <returns>One of <see cref="ExitCode"/>.</returns>
    internal static async Task<int> RunAsync(string[] args)
    {
        var words = RawArguments.Restore(args, () => File.ReadAllBytes(CommandLineFile));
        using var interrupt = new InterruptSignal();
        return await RunAsync(words, CtlStreams.OfProcess(), interrupt.Token);
    }

    /// <summary>Runs kvctl on given streams.</summary>
    /// <param name="words">Arguments as <see cref="RawArguments.Restore"/> gives them.</param>
    internal static async Task<int> RunAsync(string[] words, CtlStreams streams, CancellationToken interrupted)
    {
        if (words is ["--version"]) words = ["version"];
        var tree = new CommandTree();
        var parse = tree.Parse(RawArguments.MarkLiterals(words));
        if (parse.Action is HelpAction) return Deliver(streams, await HelpAsync(parse, streams));
        if (parse.CommandResult.Command is not Verb verb)
            return Refuse(streams, parse, parse.UnmatchedTokens is [var word, ..] ? $"there is no command '{word}'" : "a command is missing");
        if (parse.Errors.Count > 0) return Refuse(streams, parse, string.Join("; ", parse.Errors.Select(e => e.Message).Distinct()));
        try
        {
            var context = new CtlContext(streams, tree.Global.Read(parse, streams.Environment), interrupted);
            return Deliver(streams, await verb.RunAsync(parse, context));
        }
        catch (UsageException e)
        {
            return Refuse(streams, parse, e.Message);
        }
        catch (OutputClosedException)
        {
            return ExitCode.Done;
        }
        catch (OperationCanceledException) when (interrupted.IsCancellationRequested)
        {
            return ExitCode.Interrupted;
        }
        catch (Exception e)
        {
            // Whatever it is, a script gets one line and a status, not a stack trace.
            streams.Error.WriteLine($"kvctl: {(e is IOException ? "" : $"unexpected {e.GetType().Name}: ")}{e.Message}");
            return ExitCode.Unclassified;
        }
    }

    private static async Task<int> HelpAsync(ParseResult parse, CtlStreams streams)
    {
        var text = new StringWriter { NewLine = "\n" };
        await parse.InvokeAsync(new InvocationConfiguration { Output = text, Error = text });
        streams.Out.Write(System.Text.Encoding.UTF8.GetBytes(text.ToString()));
        return ExitCode.Done;
    }

    /// <summary>Hands over what is printed. What became of the request outweighs what became of its words: a script must learn that a write failed.</summary>
    private static int Deliver(CtlStreams streams, int code)
    {
        try
        {
            streams.Out.Flush();
            return code;
        }
        catch (OutputClosedException)
        {
            return code;
        }
        catch (IOException e)
        {
            streams.Error.WriteLine($"kvctl: {e.Message}");
            return code == ExitCode.Done ? ExitCode.Unclassified : code;
        }
    }

    private static int Refuse(CtlStreams streams, ParseResult parse, string message)
    {
        streams.Error.WriteLine($"kvctl: {RawArguments.Printable(message)}");
        streams.Error.WriteLine($"See '{PathOf(parse.CommandResult.Command)} --help'.");
        return ExitCode.Usage;
    }

    private static string PathOf(Command command) =>
        command.Parents.FirstOrDefault() is Command parent ? $"{PathOf(parent)} {command.Name}" : command.Name;
}
