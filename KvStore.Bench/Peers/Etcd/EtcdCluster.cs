using Grpc.Core;
using Grpc.Net.Client;
using KvStore.Bench.Load;
using KvStore.Bench.Peers.Etcd.Wire;
using KvStore.Bench.Processes;

namespace KvStore.Bench.Peers.Etcd;

/// <summary>Three etcd members with default durability: every member syncs its log before it acknowledges.</summary>
internal sealed class EtcdCluster(string dataParent, int firstPort) : ServerCluster("etcd", dataParent, firstPort)
{
    private int _leader;

    public override string Settings =>
        "three members, default durability: a put is acknowledged when a majority synced its log; "
        + "puts and linearizable gets at the leader, serializable gets spread over the members";

    // A connection per client makes etcd slower at every client count (HTTP/2 framing per connection), so it is not quoted.
    public override IReadOnlyList<ConnectionDesign> Designs => [ConnectionDesign.Multiplexed];

    public override LoadOperation FillOperation => LoadOperation.StrongPut;

    public override ILoadTarget CreateTarget(ConnectionDesign design) =>
        new EtcdTarget([.. Enumerable.Range(0, Servers).Select(ClientUrl)], _leader, design);

    public override (string Program, string[] Arguments) CommandLineGet(string key) =>
        ("etcdctl", ["--endpoints", Address(0), "get", key, "--print-value-only"]);

    protected override ServerProcess Launch(int server)
    {
        string name = NameOf(server);
        string everyone = string.Join(',', Enumerable.Range(0, Servers).Select(member => $"{NameOf(member)}={PeerUrl(member)}"));
        string[] arguments =
        [
            "--name", name, "--data-dir", Data.Sub(name), "--logger", "zap", "--log-level", "error",
            "--listen-client-urls", ClientUrl(server), "--advertise-client-urls", ClientUrl(server),
            "--listen-peer-urls", PeerUrl(server), "--initial-advertise-peer-urls", PeerUrl(server),
            "--initial-cluster", everyone, "--initial-cluster-state", "new",
        ];
        return ServerProcess.Start(name, "etcd", arguments, Data.Sub(name + ".log"));
    }

    protected override async Task<bool> IsReadyAsync(CancellationToken cancellation)
    {
        for (int member = 0; member < Servers; member++)
        {
            if (await StatusAsync(member, cancellation) is not { Leader: not 0 } status)
                return false;
            if (status.Leader == status.Header.MemberId)
                _leader = member;
        }
        return true;
    }

    private static string NameOf(int member) => $"e{member + 1}";

    private async Task<StatusResponse?> StatusAsync(int member, CancellationToken cancellation)
    {
        using var channel = GrpcChannel.ForAddress(ClientUrl(member));
        try
        {
            return await new Maintenance.MaintenanceClient(channel).StatusAsync(new StatusRequest(), cancellationToken: cancellation);
        }
        catch (RpcException)
        {
            return null;
        }
    }

    private string ClientUrl(int member) => "http://" + Address(2 * member);

    private string PeerUrl(int member) => "http://" + Address((2 * member) + 1);
}
