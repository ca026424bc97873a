using System.CommandLine;
using KvStore.Daemon.Ctl.Documents;
using KvStore.Protocol.Client;

namespace KvStore.Daemon.Ctl.Verbs;

/// <summary>`cluster members`: who belongs to the cluster.</summary>
internal sealed class ClusterMembersVerb() : Verb("members", "list the members of the cluster")
{
    public override async Task<int> RunAsync(ParseResult parse, CtlContext context)
    {
        try
        {
            await using var client = await context.ConnectAsync();
            var topology = await client.TopologyAsync(cancellation: context.Interrupted);
            if (context.Settings.Json) context.Print(MembersDocument.Json(topology));
            else context.Print(MembersDocument.Text(topology));
            return ExitCode.Done;
        }
        catch (KvException e)
        {
            return context.Fail(CtlError.Of(e));
        }
    }
}
