using System.Globalization;
using Grpc.Core;
using Grpc.Net.Client;
using KvStore.Bench.Load;
using KvStore.Bench.Peers.Etcd.Wire;
using KvStore.Bench.Processes;

namespace KvStore.Bench.Peers.Etcd;

/// <summary>Three etcd members with default durability: every member syncs its log before it acknowledges.</summary>
internal sealed class EtcdCluster : ServerCluster
{
    private const int Members = 3;

    private readonly int _firstPort;
    private readonly List<string> _clientUrls;
    private int _leader;

    /// <param name="dataParent">Where the data directory is made.</param>
    /// <param name="firstPort">First of six ports: client and peer port of each member in turn.</param>
    public EtcdCluster(string dataParent, int firstPort)
        : base("etcd", dataParent)
    {
        _firstPort = firstPort;
        _clientUrls = [.. Enumerable.Range(0, Members).Select(member => Url(member, peer: false))];
    }

    public override string Settings => "etcd: three members, default durability (log synced on a majority before a put is acknowledged)";

    public override ILoadTarget CreateTarget(ConnectionDesign design) => new EtcdTarget(_clientUrls, _leader, design);

    protected override void Launch()
    {
        string everyone = string.Join(',', Enumerable.Range(0, Members).Select(member => $"e{member + 1}={Url(member, peer: true)}"));
        for (int member = 0; member < Members; member++)
        {
            string name = $"e{member + 1}";
            List<string> arguments =
            [
                "--name", name, "--data-dir", Data.Sub(name), "--logger", "zap", "--log-level", "error",
                "--listen-client-urls", Url(member, peer: false), "--advertise-client-urls", Url(member, peer: false),
                "--listen-peer-urls", Url(member, peer: true), "--initial-advertise-peer-urls", Url(member, peer: true),
                "--initial-cluster", everyone, "--initial-cluster-state", "new",
            ];
            Add(ServerProcess.Start(name, "etcd", arguments, Data.Sub(name + ".log")));
        }
    }

    protected override async Task<bool> IsReadyAsync(CancellationToken cancellation)
    {
        for (int member = 0; member < Members; member++)
        {
            if (await StatusAsync(member, cancellation) is not { Leader: not 0 } status)
                return false;
            if (status.Leader == status.Header.MemberId)
                _leader = member;
        }
        return true;
    }

    private async Task<StatusResponse?> StatusAsync(int member, CancellationToken cancellation)
    {
        using var channel = GrpcChannel.ForAddress(_clientUrls[member]);
        try
        {
            return await new Maintenance.MaintenanceClient(channel).StatusAsync(new StatusRequest(), cancellationToken: cancellation);
        }
        catch (RpcException)
        {
            return null;
        }
    }

    private string Url(int member, bool peer) =>
        "http://127.0.0.1:" + (_firstPort + (2 * member) + (peer ? 1 : 0)).ToString(CultureInfo.InvariantCulture);
}
