using System.CommandLine;
using KvStore.Daemon.Ctl.Arguments;
using KvStore.Daemon.Ctl.Documents;
using KvStore.Daemon.Ctl.Health;
using KvStore.Protocol.Client;
using KvStore.Protocol.Messages;

namespace KvStore.Daemon.Ctl.Verbs;

/// <summary>`cluster status`: asks every member and judges the whole.</summary>
internal sealed class ClusterStatusVerb : Verb
{
    private const string ClearScreen = "\e[H\e[2J";

    /// <summary>A member that is silent for so long is shown as not reachable; the others are not held up by it.</summary>
    private static readonly TimeSpan s_mostPatience = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan s_watchInterval = TimeSpan.FromSeconds(1);

    private readonly Option<bool> _watch = Words.Flag("--watch", "again every second, until interrupted");

    public ClusterStatusVerb() : base("status", "show the health of the cluster") => Options.Add(_watch);

    public override async Task<int> RunAsync(ParseResult parse, CtlContext context)
    {
        var watch = parse.GetValue(_watch);
        while (true)
        {
            var code = await OnceAsync(context, clear: watch && context.Streams.OutIsTerminal && !context.Settings.Json);
            if (!watch) return code;
            context.Flush();
            await Task.Delay(s_watchInterval, context.Interrupted);
        }
    }

    private static async Task<int> OnceAsync(CtlContext context, bool clear)
    {
        try
        {
            await using var client = await context.ConnectAsync();
            var topology = await client.TopologyAsync(cancellation: context.Interrupted);
            var reports = await Task.WhenAll(topology.Members.Select(member => AskAsync(client, member, context)));
            var cluster = new ClusterHealth(topology, reports);
            if (clear) context.Print(ClearScreen);
            if (context.Settings.Json) context.Print(StatusDocument.Json(cluster));
            else context.Print(StatusDocument.Text(cluster, context.Streams.OutIsTerminal && !context.Settings.NoColor));
            return Array.TrueForAll(reports, r => r.Reachable) ? ExitCode.Done : ExitCode.Partial;
        }
        catch (KvException e)
        {
            return context.Fail(CtlError.Of(e));
        }
    }

    private static async Task<NodeReport> AskAsync(KvClient client, TopologyMember member, CtlContext context)
    {
        var patience = context.Settings.Timeout < s_mostPatience ? context.Settings.Timeout : s_mostPatience;
        try
        {
            return new NodeReport(member, await client.StatusAsync(member.Address, patience, context.Interrupted), Failure: null);
        }
        catch (KvException e)
        {
            return new NodeReport(member, Status: null, $"{e.Code.Name()}: {e.Message}");
        }
    }
}
