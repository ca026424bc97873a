using System.CommandLine;
using KvStore.Bench.Processes;

namespace KvStore.Bench;

/// <summary>Options of every command that starts servers.</summary>
internal sealed class CommonOptions
{
    public Option<bool> Quick { get; } = new("--quick") { Description = "short runs: a check, not a measurement" };

    public Option<string?> Json { get; } = new("--json") { Description = "write the rows to this file, one JSON object per line" };

    public Option<string[]> Stores { get; } = new("--stores") { Description = "which stores, in this order", AllowMultipleArgumentsPerToken = true };

    /// <summary>/var/tmp, not /tmp: it is on a disk where /tmp is in memory.</summary>
    public Option<string> DataParent { get; } = new("--data-dir") { Description = "where to make the data directories", DefaultValueFactory = static _ => "/var/tmp" };

    private Option<int> FirstPort { get; } = new("--port") { Description = "first of thirty loopback ports to use", DefaultValueFactory = static _ => 17400 };

    public Option<int> Partitions { get; } = new("--partitions") { Description = "partitions of the kvd cluster", DefaultValueFactory = static _ => 256 };

    private Option<string?> Kvd { get; } = new("--kvd") { Description = "the kvd binary, with kvctl beside it (default: $KVD_BINARY, else out/kvd)" };

    public void AddTo(Command command, IReadOnlyList<string> defaultStores)
    {
        Stores.DefaultValueFactory = _ => [.. defaultStores];
        Stores.AcceptOnlyFromAmong([.. StoreCatalog.Names]);
        DataParent.Validators.Add(static result =>
        {
            if (DataDirectory.FileSystemOf(result.GetValueOrDefault<string>()) == "tmpfs")
                result.AddError("the data directory is in memory (tmpfs): durability cannot be measured there, choose another with --data-dir");
        });
        foreach (Option option in (Option[])[Quick, Json, Stores, DataParent, FirstPort, Partitions, Kvd])
            command.Options.Add(option);
    }

    public StoreCatalog Catalog(ParseResult arguments) => new(
        arguments.GetValue(DataParent)!, arguments.GetValue(FirstPort), arguments.GetValue(Partitions), arguments.GetValue(Kvd));
}
