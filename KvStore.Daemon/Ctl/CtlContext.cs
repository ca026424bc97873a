using System.Text;
using KvStore.Daemon.Ctl.Arguments;
using KvStore.Daemon.Ctl.Documents;
using KvStore.Daemon.Ctl.Output;
using KvStore.Protocol.Client;

namespace KvStore.Daemon.Ctl;

/// <summary>One invocation: its settings and its output.</summary>
internal sealed class CtlContext(CtlStreams streams, GlobalOptions.Settings settings, CancellationToken interrupted)
{
    public CtlStreams Streams => streams;

    public GlobalOptions.Settings Settings => settings;

    /// <summary>Cancelled by Ctrl-C or SIGTERM.</summary>
    public CancellationToken Interrupted => interrupted;

    /// <summary>Connects to the first endpoint that answers, for a request or a few.</summary>
    /// <exception cref="KvException">None answers.</exception>
    public Task<KvClient> ConnectAsync() => KvClient.ConnectAsync(ClientOptions with { CoordinatorOnly = true }, interrupted);

    public KvClientOptions ClientOptions => new()
    {
        Endpoints = settings.Endpoints,
        Timeout = settings.Timeout,
        Name = $"kvctl {BuildInfo.Version}",
    };

    /// <summary>Prints bytes as they are.</summary>
    /// <exception cref="OutputClosedException">The reader has gone.</exception>
    public void Print(ReadOnlySpan<byte> bytes) => streams.Out.Write(bytes);

    public void Print(string text) => Print(Encoding.UTF8.GetBytes(text));

    /// <summary>Ends a document and prints it.</summary>
    public void Print(DocumentWriter document)
    {
        using (document) Print(document.Finish().Span);
    }

    /// <summary>Reports a failed request: a document on standard output with --json, else words on standard error.</summary>
    /// <param name="key">Null when the request was not about one key.</param>
    /// <param name="requested">The consistency asked for, if there is one.</param>
    /// <returns>The exit status it means.</returns>
    public int Fail(CtlError error, byte[]? key = null, string? requested = null, NodeNames? names = null)
    {
        if (settings.Json) Print(ErrorDocument.Json(key, error, requested, names ?? NodeNames.Numbers));
        else Say(ErrorDocument.Text(key, error, names ?? NodeNames.Numbers));
        return error.ExitCode;
    }

    /// <summary>Hands what was printed to the reader.</summary>
    public void Flush() => streams.Out.Flush();

    /// <summary>A line for the user, on standard error.</summary>
    public void Say(string message) => streams.Error.WriteLine(RawArguments.Printable(message));
}
