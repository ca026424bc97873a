using KvStore.Daemon.Ctl.Documents;
using KvStore.Protocol.Client;

namespace KvStore.Daemon.Ctl.Verbs;

/// <summary>
/// The nodes' names, asked for beside the request itself on the same connection, so that they cost no round trip of their own.
/// Names are an adornment: without an answer in time the nodes go by their numbers.
/// </summary>
internal sealed class NamesRequest : IDisposable
{
    /// <summary>How long to wait for the names once the request itself is answered.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromMilliseconds(250);

    private readonly CancellationTokenSource _giveUp = new();
    private readonly Task<NodeNames> _names;

    public NamesRequest(KvClient client) => _names = AskAsync(client, _giveUp.Token);

    public async Task<NodeNames> GetAsync()
    {
        if (!_names.IsCompleted) _giveUp.CancelAfter(s_patience);
        return await _names;
    }

    public void Dispose() => _giveUp.Dispose();

    private static async Task<NodeNames> AskAsync(KvClient client, CancellationToken cancellation)
    {
        try
        {
            return new NodeNames((await client.TopologyAsync(cancellation: cancellation)).Members);
        }
        catch (KvException)
        {
            return NodeNames.Numbers;
        }
    }
}
