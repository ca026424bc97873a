using System.Globalization;
using KvStore.Bench.Load;

namespace KvStore.Bench.Processes;

/// <summary>
/// Three servers of one store on loopback, with a data directory of their own. Stopping and
/// starting again continues with the same data; disposing kills the servers and removes it.
/// </summary>
internal abstract class ServerCluster : IAsyncDisposable
{
    public const int Servers = 3;

    private static readonly TimeSpan StartPatience = TimeSpan.FromSeconds(60);

    private readonly ServerProcess?[] _processes = new ServerProcess?[Servers];

    /// <param name="name">Name of the store.</param>
    /// <param name="dataParent">Where the data directory is made: on the disk that is to be measured.</param>
    /// <param name="firstPort">First of six ports on 127.0.0.1 that the cluster may use.</param>
    protected ServerCluster(string name, string dataParent, int firstPort)
    {
        Name = name;
        FirstPort = firstPort;
        Data = new DataDirectory(dataParent, name);
    }

    public string Name { get; }

    /// <summary>One line: what an acknowledgement of a write means with these settings.</summary>
    public abstract string Settings { get; }

    /// <summary>The connection designs that are measured with this store.</summary>
    public abstract IReadOnlyList<ConnectionDesign> Designs { get; }

    /// <summary>The write that the store's users would load data with.</summary>
    public abstract LoadOperation FillOperation { get; }

    public IEnumerable<ServerProcess> Processes => _processes.OfType<ServerProcess>();

    /// <summary>CPU time of all its servers since their start, in seconds.</summary>
    public double CpuSeconds => Processes.Sum(static process => process.CpuSeconds);

    protected DataDirectory Data { get; }

    protected int FirstPort { get; }

    /// <summary>
    /// Starts every server that does not run and returns when all answer. Throws
    /// <see cref="ServerStartException"/> if one ends or the patience does.
    /// </summary>
    public async Task StartAsync(CancellationToken cancellation)
    {
        for (int server = 0; server < Servers; server++)
            _processes[server] ??= Launch(server);
        await WaitUntilReadyAsync(cancellation);
    }

    /// <summary>Ends all servers, at the same time: SIGTERM, or kill -9 if not <paramref name="cleanly"/>.</summary>
    public async Task StopAsync(bool cleanly)
    {
        await Task.WhenAll(Processes.Select(process => cleanly ? process.TerminateAsync(TimeSpan.FromSeconds(30)) : process.KillAsync()));
        foreach (ServerProcess process in Processes)
            await process.DisposeAsync();
        Array.Clear(_processes);
    }

    /// <summary>kill -9 of one server, 0 to 2; <see cref="StartAsync"/> brings it back.</summary>
    public async Task KillAsync(int server)
    {
        if (_processes[server] is not { } process)
            return;
        await process.DisposeAsync();
        _processes[server] = null;
    }

    /// <summary>The load generator's view of the running servers.</summary>
    public abstract ILoadTarget CreateTarget(ConnectionDesign design);

    /// <summary>Program and arguments of the store's own tool that reads one key.</summary>
    public abstract (string Program, string[] Arguments) CommandLineGet(string key);

    public async ValueTask DisposeAsync()
    {
        await StopAsync(cleanly: false);
        Data.Dispose();
    }

    protected abstract ServerProcess Launch(int server);

    /// <summary>True once every server answers and knows its peers; throws nothing for 'not yet'.</summary>
    protected abstract Task<bool> IsReadyAsync(CancellationToken cancellation);

    /// <summary>`127.0.0.1:port` of the cluster's port number <paramref name="offset"/>, 0 to 5.</summary>
    protected string Address(int offset) => string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{FirstPort + offset}");

    private async Task WaitUntilReadyAsync(CancellationToken cancellation)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(StartPatience);
        while (!await IsReadyAsync(cancellation))
        {
            if (Processes.FirstOrDefault(static process => process.HasExited) is { } dead)
                throw new ServerStartException($"{dead.Name} ended while starting:\n{dead.LogTail()}");
            if (patience.IsCancellationRequested)
                throw new ServerStartException($"{Name} was not ready within {StartPatience.TotalSeconds} s:\n{Processes.First().LogTail()}");
            await Task.Delay(10, cancellation);
        }
    }
}
