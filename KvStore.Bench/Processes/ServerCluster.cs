using KvStore.Bench.Load;

namespace KvStore.Bench.Processes;

/// <summary>
/// Three servers of one store on loopback, with a data directory of their own. Stopping and
/// starting again continues with the same data; disposing kills the servers and removes it.
/// </summary>
internal abstract class ServerCluster : IAsyncDisposable
{
    private readonly List<ServerProcess> _processes = [];

    protected ServerCluster(string name, string dataParent)
    {
        Name = name;
        Data = new DataDirectory(dataParent, name);
    }

    public string Name { get; }

    /// <summary>One line: version, and what its acknowledgement of a write means here.</summary>
    public abstract string Settings { get; }

    public IReadOnlyList<ServerProcess> Processes => _processes;

    /// <summary>CPU time of all its servers since their start, in seconds.</summary>
    public double CpuSeconds => _processes.Sum(static process => process.CpuSeconds);

    protected DataDirectory Data { get; }

    /// <summary>
    /// Starts the servers and returns when every one answers. Throws
    /// <see cref="ServerStartException"/> if one ends or the patience does.
    /// </summary>
    public async Task StartAsync(CancellationToken cancellation)
    {
        Launch();
        await WaitUntilReadyAsync(cancellation);
    }

    /// <summary>Ends all servers, at the same time: SIGTERM, or kill -9 if not <paramref name="cleanly"/>.</summary>
    public async Task StopAsync(bool cleanly)
    {
        await Task.WhenAll(_processes.Select(process => cleanly ? process.TerminateAsync(TimeSpan.FromSeconds(30)) : process.KillAsync()));
        foreach (ServerProcess process in _processes)
            await process.DisposeAsync();
        _processes.Clear();
    }

    /// <summary>The load generator's view of the running servers.</summary>
    public abstract ILoadTarget CreateTarget(ConnectionDesign design);

    public async ValueTask DisposeAsync()
    {
        await StopAsync(cleanly: false);
        Data.Dispose();
    }

    /// <summary>Starts the processes and adds each by <see cref="Add"/>.</summary>
    protected abstract void Launch();

    /// <summary>True once every server answers and knows its peers; throws nothing for 'not yet'.</summary>
    protected abstract Task<bool> IsReadyAsync(CancellationToken cancellation);

    protected void Add(ServerProcess process) => _processes.Add(process);

    private async Task WaitUntilReadyAsync(CancellationToken cancellation)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(TimeSpan.FromSeconds(60));
        while (!await IsReadyAsync(cancellation))
        {
            if (_processes.FirstOrDefault(static process => process.HasExited) is { } dead)
                throw new ServerStartException($"{dead.Name} ended while starting:\n{dead.LogTail()}");
            if (patience.IsCancellationRequested)
                throw new ServerStartException($"{Name} was not ready within 60 s:\n{_processes[0].LogTail()}");
            await Task.Delay(10, cancellation);
        }
    }
}
