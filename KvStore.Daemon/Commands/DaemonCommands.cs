using System.CommandLine;
using KvStore.Core.Io;
using KvStore.Daemon.Config;
using KvStore.Daemon.Server;

namespace KvStore.Daemon.Commands;

/// <summary>The verbs of kvd itself.</summary>
internal static class DaemonCommands
{
    public const int ExitUsage = 64;
    public const int ExitDamaged = 70;
    public const int ExitIo = 74;

    private static readonly Setting[] Flags = [Settings.DataDirectory, Settings.Listen, Settings.Advertise, Settings.Http, Settings.NodeName, Settings.Zone];

    public static int Run(string[] args)
    {
        var root = new RootCommand("kvd: a distributed key-value store") { RunVerb(), DevVerb(), CheckConfigVerb(), StorageVerb(), VersionVerb() };
        var parsed = root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parsed.Errors.Count == 0)
        {
            try
            {
                return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
            }
            catch (Exception trouble)
            {
                // Output that cannot be written, say: a line and a status, not a stack trace and an abort.
                return ExitCodeOf(trouble);
            }
        }

        foreach (var error in parsed.Errors) Console.Error.WriteLine($"kvd: {error.Message}");
        Console.Error.WriteLine("kvd: see kvd --help");
        return ExitUsage;
    }

    /// <summary>One line on stderr says what, where and what to do; the exit code says what kind of trouble it is.</summary>
    public static int ExitCodeOf(Exception trouble)
    {
        Console.Error.WriteLine($"kvd: {trouble.Message}");
        return trouble switch
        {
            ConfigException => ConfigException.ExitCode,
            KvdStartException or CorruptionException or Core.Node.WalDamagedException or Core.Node.DataMissingException or Core.Storage.Wal.WalRefusedException => ExitDamaged,
            DiskException or IOException => ExitIo,
            System.Net.Sockets.SocketException => ConfigException.ExitCode,
            _ => 1,
        };
    }

    private static Command RunVerb()
    {
        var config = new Option<string>("--config") { Description = $"configuration file; default {Settings.DefaultFile} if it exists", HelpName = "FILE" };
        var flags = Flags.ToDictionary(s => s, s => new Option<string>(s.Flag!) { Description = s.Meaning });
        var verb = new Command("run", "Runs one node.") { config };
        foreach (var flag in flags.Values) verb.Options.Add(flag);
        verb.SetAction(result => RunCommand.Run(Sources(result, config, flags)));
        return verb;
    }

    private static Command CheckConfigVerb()
    {
        var config = new Option<string>("--config") { Description = $"configuration file; default {Settings.DefaultFile} if it exists", HelpName = "FILE" };
        var flags = Flags.ToDictionary(s => s, s => new Option<string>(s.Flag!) { Description = s.Meaning });
        var verb = new Command("check-config", "Prints the effective configuration and where each value comes from.") { config };
        foreach (var flag in flags.Values) verb.Options.Add(flag);
        verb.SetAction(result =>
        {
            try
            {
                ConfigReport.Write(Console.Out, KvdConfig.Load(Sources(result, config, flags)));
                return 0;
            }
            catch (ConfigException wrong)
            {
                return ExitCodeOf(wrong);
            }
        });
        return verb;
    }

    private static Command DevVerb()
    {
        var nodes = new Option<int>("--nodes") { Description = "how many nodes, at least 3", DefaultValueFactory = _ => 3 };
        var directory = new Option<string>("--data-dir") { Description = "keeps the data here; without it in a temporary directory that is removed at exit" };
        var listen = new Option<string>("--listen") { Description = "address of the first node; the others are at the next tens", DefaultValueFactory = _ => "127.0.0.1:7400" };
        var verb = new Command("dev", "Runs a whole cluster in this process, for development.") { nodes, directory, listen };
        verb.SetAction(result => DevCommand.Run(result.GetValue(nodes), result.GetValue(directory), result.GetValue(listen)!));
        return verb;
    }

    private static Command StorageVerb()
    {
        return new Command("storage", "Looks at the data directory of a node that does not run; changes nothing.")
        {
            Look("inspect", "Says what is in it.", everything: false),
            Look("verify", "Reads all of it and names what is damaged.", everything: true),
        };

        static Command Look(string name, string description, bool everything)
        {
            var directory = new Argument<string>("DIR") { Description = "what [node] data_dir names" };
            var json = new Option<bool>("--json") { Description = "one JSON document instead of text" };
            var verb = new Command(name, description) { directory, json };
            verb.SetAction(result => StorageCommand.Run(result.GetValue(directory)!, everything, result.GetValue(json)));
            return verb;
        }
    }

    private static Command VersionVerb()
    {
        var verb = new Command("version", "Prints the version.");
        verb.SetAction(_ =>
        {
            Console.Out.WriteLine($"kvd {BuildInfo.Version}");
            return 0;
        });
        return verb;
    }

    private static ConfigSources Sources(ParseResult result, Option<string> config, Dictionary<Setting, Option<string>> flags) => new()
    {
        File = result.GetValue(config),
        Environment = ConfigSources.ProcessEnvironment(),
        Flags = [.. flags.Where(f => result.GetResult(f.Value) is { Implicit: false }).Select(f => KeyValuePair.Create(f.Key.Flag!, result.GetValue(f.Value)!))],
    };
}
