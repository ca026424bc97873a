using System.CommandLine;
using KvStore.Daemon.Ctl.Documents;
using KvStore.Protocol.Client;

namespace KvStore.Daemon.Ctl.Verbs;

/// <summary>`cluster ring`: who holds and who leads which partitions.</summary>
internal sealed class ClusterRingVerb() : Verb("ring", "show what each node holds and leads; with --json every partition")
{
    public override async Task<int> RunAsync(ParseResult parse, CtlContext context)
    {
        try
        {
            await using var client = await context.ConnectAsync();
            var topology = await client.TopologyAsync(cancellation: context.Interrupted);
            if (context.Settings.Json) context.Print(RingDocument.Json(topology));
            else context.Print(RingDocument.Text(topology));
            return ExitCode.Done;
        }
        catch (KvException e)
        {
            return context.Fail(CtlError.Of(e));
        }
    }
}
