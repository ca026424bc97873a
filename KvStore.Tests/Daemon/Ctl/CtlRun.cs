using System.Text;
using System.Text.Json;
using KvStore.Daemon.Ctl;
using KvStore.Daemon.Ctl.Output;

namespace KvStore.Tests.Daemon.Ctl;

/// <summary>One run of kvctl inside the test process, and what came of it.</summary>
internal sealed record CtlRun(int Code, byte[] OutBytes, string Error)
{
    public string Out => Encoding.UTF8.GetString(OutBytes);

    /// <summary>The documents printed, one for each line.</summary>
    public JsonElement[] Documents => [.. Out.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement)];

    public JsonElement Document => Documents.Single();

    public static Task<CtlRun> OfAsync(params string[] words) => OfAsync(words, []);

    /// <summary>Against one node, with an ample deadline.</summary>
    public static Task<CtlRun> AtAsync(ScriptedNode node, params string[] words) => OfAsync(["--endpoints", node.Address, "--timeout", "30s", .. words], []);

    public static async Task<CtlRun> OfAsync(
        string[] words, Dictionary<string, string> environment, byte[]? input = null, CancellationToken interrupted = default)
    {
        using var output = new MemoryStream();
        var error = new StringWriter { NewLine = "\n" };
        var streams = new CtlStreams
        {
            Out = output,
            Error = error,
            OpenInput = () => new MemoryStream(input ?? []),
            Environment = name => environment.GetValueOrDefault(name),
        };
        var code = await CtlMain.RunAsync(words, streams, interrupted);
        return new CtlRun(code, output.ToArray(), error.ToString());
    }
}
