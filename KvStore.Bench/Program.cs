using KvStore.Bench.Load;
using KvStore.Bench.Peers.Etcd;
using KvStore.Bench.Peers.Redis;
using KvStore.Bench.Processes;

namespace KvStore.Bench;

internal static class Program
{
    private static async Task<int> Main()
    {
        var keys = new KeySpace(100_000, 256);
        foreach (ServerCluster cluster in new ServerCluster[] { new RedisCluster("/var/tmp", 17600), new EtcdCluster("/var/tmp", 17500) })
        {
            await using ServerCluster running = cluster;
            await running.StartAsync(default);
            Console.WriteLine(running.Settings);
            foreach (ConnectionDesign design in Enum.GetValues<ConnectionDesign>())
            foreach (LoadOperation operation in Enum.GetValues<LoadOperation>())
            foreach (int clients in (int[])[1, 16, 64, 256])
            {
                await using ILoadTarget target = running.CreateTarget(design);
                if (!target.Supports(operation)) continue;
                await target.ConnectAsync(clients, default);
                if (clients == 1 && design == 0 && operation == LoadOperation.StrongPut + (running.Name == "redis" ? 1 : 0))
                    await ClosedLoop.FillAsync(target, keys, operation, 1);
                double cpu = running.CpuSeconds;
                LoadResult r = await ClosedLoop.MeasureAsync(target, keys, operation, clients, TimeSpan.FromSeconds(0.5), TimeSpan.FromSeconds(1.5));
                cpu = running.CpuSeconds - cpu;
                Console.WriteLine($"{running.Name} {design} {operation} N={clients} conns={target.Connections}: {r.OperationsPerSecond:F0}/s p50 {r.P50Us:F0} p99 {r.P99Us:F0} gen {r.GeneratorCores:F2} servers {cpu / 2:F2} errors {r.Failures}");
            }
        }
        return 0;
    }
}
