using System.Text.Json;
using KvStore.Bench.Load;
using KvStore.Bench.Processes;

namespace KvStore.Bench.Peers.Kvd;

/// <summary>Three kvd processes of the native binary, initialised as one cluster at the first start.</summary>
internal sealed class KvdCluster(KvdBinary binary, string dataParent, int firstPort, int partitions)
    : ServerCluster("kvd", dataParent, firstPort)
{
    private static readonly HttpClient Http = new() { Timeout = TimeSpan.FromSeconds(2) };

    private bool _initialised;

    public override string Settings =>
        $"three nodes, {partitions} partitions, defaults: fast is acknowledged after the primary's fdatasync, strong after a majority's; "
        + "quorum gets at the primaries, local gets at the nearest replica";

    public override IReadOnlyList<ConnectionDesign> Designs => [ConnectionDesign.Multiplexed, ConnectionDesign.PerClient];

    public override LoadOperation FillOperation => LoadOperation.FastPut;

    /// <summary>Client addresses of the three nodes, `host:port`.</summary>
    public IReadOnlyList<string> Endpoints => [.. Enumerable.Range(0, Servers).Select(Endpoint)];

    public override ILoadTarget CreateTarget(ConnectionDesign design) => new KvdTarget(Endpoints, design);

    public override (string Program, string[] Arguments) CommandLineGet(string key) =>
        (binary.ControlPath, ["--endpoints", Endpoint(0), "get", key]);

    protected override ServerProcess Launch(int server)
    {
        string name = $"n{server + 1}";
        string[] arguments =
            ["run", "--data-dir", Data.Sub(name), "--listen", Endpoint(server), "--http", HttpAddress(server), "--name", name];
        return ServerProcess.Start(name, binary.ServerPath, arguments, Data.Sub(name + ".log"));
    }

    protected override async Task<bool> IsReadyAsync(CancellationToken cancellation)
    {
        if (!_initialised)
        {
            if (!await AllAnswerAsync("/livez", cancellation))
                return false;
            await InitialiseAsync(cancellation);
            _initialised = true;
        }
        return await AllAnswerAsync("/readyz", cancellation) && await IsHealthyAsync(cancellation);
    }

    private async Task InitialiseAsync(CancellationToken cancellation)
    {
        string[] arguments =
            ["--endpoints", Endpoint(0), "--json", "cluster", "init", "--nodes", string.Join(',', Endpoints), "--partitions", $"{partitions}"];
        CommandRun init = await CommandRun.RunAsync(binary.ControlPath, arguments, cancellation);
        if (init.ExitCode != 0)
            throw new ServerStartException($"kvctl cluster init failed with {init.ExitCode}: {init.Output}{init.Errors}");
    }

    private async Task<bool> AllAnswerAsync(string path, CancellationToken cancellation)
    {
        try
        {
            for (int server = 0; server < Servers; server++)
            {
                using HttpResponseMessage response = await Http.GetAsync(new Uri($"http://{HttpAddress(server)}{path}"), cancellation);
                if (!response.IsSuccessStatusCode)
                    return false;
            }
            return true;
        }
        catch (Exception error) when (error is HttpRequestException or TaskCanceledException && !cancellation.IsCancellationRequested)
        {
            return false;
        }
    }

    /// <summary>Every partition has a primary and every node is up, by the cluster's own word (kvd.status/1).</summary>
    private async Task<bool> IsHealthyAsync(CancellationToken cancellation)
    {
        CommandRun status = await CommandRun.RunAsync(binary.ControlPath, ["--endpoints", Endpoint(0), "--json", "cluster", "status"], cancellation);
        if (status.ExitCode != 0)
            return false;
        using var document = JsonDocument.Parse(status.Output);
        return document.RootElement.GetProperty("health").GetString() == "healthy"
            && document.RootElement.GetProperty("without_primary").GetInt32() == 0;
    }

    private string Endpoint(int server) => Address(2 * server);

    private string HttpAddress(int server) => Address((2 * server) + 1);
}
