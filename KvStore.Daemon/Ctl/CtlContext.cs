using System.Text;
using KvStore.Daemon.Ctl.Arguments;
using KvStore.Daemon.Ctl.Output;

namespace KvStore.Daemon.Ctl;

/// <summary>One invocation: its settings and its output.</summary>
internal sealed class CtlContext(CtlStreams streams, GlobalOptions.Settings settings, CancellationToken interrupted)
{
    public CtlStreams Streams => streams;

    public GlobalOptions.Settings Settings => settings;

    /// <summary>Cancelled by Ctrl-C or SIGTERM.</summary>
    public CancellationToken Interrupted => interrupted;

    /// <summary>Prints bytes as they are.</summary>
    /// <exception cref="OutputClosedException">The reader has gone.</exception>
    public void Print(ReadOnlySpan<byte> bytes) => streams.Out.Write(bytes);

    public void Print(string text) => Print(Encoding.UTF8.GetBytes(text));

    /// <summary>Ends a document and prints it.</summary>
    public void Print(DocumentWriter document)
    {
        using (document) Print(document.Finish().Span);
    }

    /// <summary>Hands what was printed to the reader.</summary>
    public void Flush() => streams.Out.Flush();

    /// <summary>A line for the user, on standard error.</summary>
    public void Say(string message) => streams.Error.WriteLine(RawArguments.Printable(message));
}
