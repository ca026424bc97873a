using System.Text;
using Microsoft.Win32.SafeHandles;

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

    /// <summary>The streams of this process. The Console class is not used for them: its encodings and terminal set-up cost milliseconds, and values are bytes.</summary>
    public static CtlStreams OfProcess() => new()
    {
        Out = Descriptor(1, FileAccess.Write, 64 * 1024),
        Error = new StreamWriter(Descriptor(2, FileAccess.Write, 0), new UTF8Encoding(false), 1024) { AutoFlush = true },
        OpenInput = () => Descriptor(0, FileAccess.Read, 0),
        Environment = System.Environment.GetEnvironmentVariable,
        OutIsTerminal = !Console.IsOutputRedirected,
        ErrorIsTerminal = !Console.IsErrorRedirected,
    };

    private static FileStream Descriptor(int number, FileAccess access, int bufferSize) =>
        new(new SafeFileHandle(number, ownsHandle: false), access, bufferSize);
}
