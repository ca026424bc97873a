using System.CommandLine;
using KvStore.Bench.Load;
using KvStore.Bench.Processes;
using KvStore.Bench.Reports;

namespace KvStore.Bench.Peers;

/// <summary>`peers`: kvd beside etcd and Redis under the same closed-loop load, with ratios to each other and to the physical limits.</summary>
internal static class PeersCommand
{
    private const int DefaultRounds = 3;
    private const int QuickRounds = 1;

    private static readonly LoadTiming FullTiming = new(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(3));
    private static readonly LoadTiming QuickTiming = new(TimeSpan.FromSeconds(0.3), TimeSpan.FromSeconds(0.7));

    public static Command Create()
    {
        var common = new CommonOptions();
        var rounds = new Option<int?>("--rounds") { Description = "alternations of all stores (default 3, with --quick 1)" };
        var seconds = new Option<double?>("--seconds") { Description = "measured time per figure (default 3, with --quick 0.7)" };
        var clients = new Option<int[]>("--clients") { Description = "closed-loop clients", AllowMultipleArgumentsPerToken = true, DefaultValueFactory = static _ => [1, 16, 64, 256] };
        var keys = new Option<int>("--keys") { Description = "number of keys", DefaultValueFactory = static _ => 100_000 };
        var valueBytes = new Option<int>("--value-size") { Description = "bytes per value", DefaultValueFactory = static _ => 256 };
        var command = new Command("peers", "measure kvd, etcd and Redis in alternation under the same load") { rounds, seconds, clients, keys, valueBytes };
        common.AddTo(command, StoreCatalog.Names);
        command.SetAction(async (arguments, cancellation) =>
        {
            bool quick = arguments.GetValue(common.Quick);
            LoadTiming timing = quick ? QuickTiming : FullTiming;
            if (arguments.GetValue(seconds) is { } wanted)
                timing = timing with { Duration = TimeSpan.FromSeconds(wanted) };
            var options = new PeersOptions
            {
                Rounds = arguments.GetValue(rounds) ?? (quick ? QuickRounds : DefaultRounds),
                Timing = timing,
                ClientCounts = arguments.GetValue(clients)!,
                Keys = arguments.GetValue(keys),
                ValueBytes = arguments.GetValue(valueBytes),
                Stores = arguments.GetValue(common.Stores)!,
                DataParent = arguments.GetValue(common.DataParent)!,
            };
            return await RunAsync(options, common.Catalog(arguments), arguments.GetValue(common.Json), cancellation);
        });
        return command;
    }

    private static async Task<int> RunAsync(PeersOptions options, StoreCatalog stores, string? jsonPath, CancellationToken cancellation)
    {
        PeersResult result = await new PeersRun(options, stores, Console.Error).RunAsync(cancellation);
        PeersReport.Print(result, options, Console.Out);
        if (jsonPath is not null)
            JsonReport.Write(jsonPath, PeersReport.JsonRows(result));
        return 0;
    }
}
