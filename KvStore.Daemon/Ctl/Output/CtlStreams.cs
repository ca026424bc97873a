using System.Text;

namespace KvStore.Daemon.Ctl.Output;

/// <summary>The outside world as one invocation of kvctl sees it. Results are bytes on <see cref="Out"/> and nothing else goes there; words go to <see cref="Error"/>.</summary>
internal sealed class CtlStreams
{
    /// <summary>Standard output, buffered; flushed by the caller at the end and whenever a reader may be waiting.</summary>
    public required Stream Out { get; init; }

    public required TextWriter Error { get; init; }

    public required Func<Stream> OpenInput { get; init; }

    public required Func<string, string?> Environment { get; init; }

    public bool OutIsTerminal { get; init; }

    public bool ErrorIsTerminal { get; init; }

    /// <summary>The streams of this process.</summary>
    public static CtlStreams OfProcess() => new()
    {
        Out = new DescriptorStream(1),
        // Closed or on a full disk, it must not cost the exit status.
        Error = new StreamWriter(new DescriptorStream(2, dispensable: true), new UTF8Encoding(false), 1024) { AutoFlush = true },
        OpenInput = Console.OpenStandardInput,
        Environment = System.Environment.GetEnvironmentVariable,
        OutIsTerminal = !Console.IsOutputRedirected,
        ErrorIsTerminal = !Console.IsErrorRedirected,
    };
}
