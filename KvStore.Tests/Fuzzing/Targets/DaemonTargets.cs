using System.Text;
using KvStore.Daemon.Config;
using KvStore.Daemon.Ctl;
using KvStore.Daemon.Ctl.Arguments;
using KvStore.Daemon.Ctl.Documents;
using KvStore.Daemon.Ctl.Load;
using KvStore.Daemon.Server;
using KvStore.Protocol.Messages;
using CtlDuration = KvStore.Daemon.Ctl.Arguments.DurationText;
using CtlSize = KvStore.Daemon.Ctl.Arguments.SizeText;
using DaemonDuration = KvStore.Daemon.Config.DurationText;
using DaemonSize = KvStore.Daemon.Config.SizeText;

namespace KvStore.Tests.Fuzzing.Targets;

/// <summary>What people and scripts write: the configuration, the words of a command line, values with units; and the head of an HTTP request.</summary>
internal static class DaemonTargets
{
    private const string ConfigText =
        "[node]\nname = n1\nzone = z1\ndata_dir = /tmp/x\n[network]\nlisten = 127.0.0.1:7400\nhttp = 127.0.0.1:7401\ninsecure = false\n[storage]\nmemtable = 64MiB\n[replication]\nheartbeat = 100ms\n";

    private static readonly string[] CommandLines =
    [
        "put k v --strong --ttl 5s", "get --json k --quorum", "scan --prefix a --limit 10", "delete k --if-version 1.2", "cluster init --nodes a:1,b:2,c:3 --partitions 64",
        "bench --mix get=95,put=5 --duration 1s --value-size 4KiB", "explain k", "version", "schema put", "completion bash", "put --key-base64 YQ== @file",
    ];

    public static IEnumerable<IDecoderTarget> All =>
    [
        Text("config-file", ["KvdConfig.Load", "ConfigReader.Read"], [ConfigText], LoadConfig, typeof(ConfigException)) with { StatedBytes = 1 << 20, BytesPerByte = 2000 },
        Text("config-environment", ["ConfigReader.ReadVariable"], ["NODE__NAME=n2", "STORAGE__MEMTABLE=1GiB", "NETWORK__LISTEN=[::1]:7400"], LoadVariable, typeof(ConfigException)) with { StatedBytes = 1 << 20, BytesPerByte = 2000 },
        Text("config-duration", ["Config.DurationText.TryParse", "ScaledNumber.TryParse"], ["250ms", "5s", "2m", "1h"], t => DaemonDuration.TryParse(t, out var ms) ? DaemonDuration.Format(ms) : null),
        Text("config-size", ["Config.SizeText.TryParse"], ["64MiB", "1GiB", "17B", "12"], t => DaemonSize.TryParse(t, out var bytes) ? DaemonSize.Format(bytes) : null),
        Text("host-port", ["HostPort.TryParse"], ["127.0.0.1:7400", "[::1]:80", "host:65535"], t => HostPort.TryParse(t, out var value) ? $"{value} {value.ToEndPoint()?.Port}" : null),
        Text("nearest-name", ["NearestName.Of"], ["node.nam", "storage.memtabel"], t => NearestName.Of(t).Key) with { BytesPerByte = 4000 },
        Text("ctl-duration", ["Arguments.DurationText.TryParse"], ["250ms", "1.5s", "2m"], t => CtlDuration.TryParse(t, out var time) ? $"{time}" : null),
        Text("ctl-size", ["Arguments.SizeText.TryParse"], ["256", "4KiB", "1MiB"], t => CtlSize.TryParse(t, out var bytes) ? $"{bytes}" : null),
        Text("ctl-endpoints", ["EndpointText.Parse"], ["a:1,b:2", "[::1]:7400"], t => EndpointText.Parse(t, out _) is { } list ? string.Join(',', list) : null) with { BytesPerByte = 4000 },
        Text("ctl-mix", ["OperationMix.TryParse"], ["get=95,put=5", "put=1"], t => OperationMix.TryParse(t, out var mix) ? $"{mix}" : null) with { BytesPerByte = 200 },
        Text("ctl-cluster-id", ["ClusterIdText.TryParse"], ["00112233445566778899aabbccddeeff"], t => ClusterIdText.TryParse(t, out var id) ? ClusterIdText.Write(id) : null),
        Text("ctl-cursor", ["ScanDocument.TryParseCursor"], ["AAEC_w", "YWJj"], t => ScanDocument.TryParseCursor(t, out var cursor) ? Convert.ToHexString(cursor.Span) : null),
        Text("revision", ["WireRevision.TryParse", "WireRevision.TryParseVersion", "WireRevision.Parse"], ["1.2@3.4.n5", "7.8"], ReadRevision, typeof(FormatException)),
        Text("ctl-command-line", ["CommandTree.Parse", "RawArguments.MarkLiterals", "RawArguments.Printable"], CommandLines, ParseCommand) with { StatedBytes = 4 << 20, BytesPerByte = 20_000 },
        Text("ctl-value", ["ValueSource.Key", "ValueSource.Text"], ["YWJj", "YQ=="], t => Convert.ToHexString(ValueSource.Key(t, base64: true)), typeof(UsageException)) with { BytesPerByte = 100 },
        new DecoderTarget
        {
            Name = "ctl-arguments",
            Covers = ["RawArguments.Decode", "RawArguments.ToBytes", "RawArguments.Restore"],
            Valid = random => Encoding.UTF8.GetBytes(CommandLines[random.Next(CommandLines.Length)] + "\0é😀\udc80x\0"),
            Read = ReadArguments,
            BytesPerByte = 200,
        },
        new DecoderTarget
        {
            Name = "http-head",
            Covers = ["HttpRequestHead.TryParse", "HttpRequestHead.LengthOf"],
            Valid = random => Encoding.ASCII.GetBytes($"GET /{(random.Next(2) == 0 ? "metrics" : "readyz?x=1")} HTTP/1.1\r\nHost: x\r\n\r\n"),
            Read = ReadHead,
        },
    ];

    private static DecoderTarget Text(string name, string[] covers, string[] valid, Func<string, string?> read, params Type[] refuses) => new()
    {
        Name = name,
        Covers = covers,
        Valid = random => Encoding.UTF8.GetBytes(valid[random.Next(valid.Length)]),
        Read = bytes => read(Encoding.UTF8.GetString(bytes.Span)) is { } meaning ? Decoded.Of(Encoding.Unicode.GetBytes(meaning)) : Decoded.Refused,
        Refuses = refuses,
        BytesPerByte = 64,
    };

    private static string LoadConfig(string text)
    {
        var path = Path.Combine(Path.GetTempPath(), $"kvd-fuzz-{Environment.ProcessId}.conf");
        try
        {
            File.WriteAllText(path, text);
            return $"{KvdConfig.Load(new ConfigSources { File = path }) with { Values = [] }}";
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static string LoadVariable(string text)
    {
        var (name, value) = text.Split('=', 2) is [var n, var v] ? (n, v) : (text, "");
        return $"{KvdConfig.Load(new ConfigSources { Environment = new Dictionary<string, string> { ["KVD_" + name] = value } }) with { Values = [] }}";
    }

    private static string? ReadRevision(string text)
    {
        if (!WireRevision.TryParse(text, out var revision)) return WireRevision.TryParseVersion(text, out var term, out var index) ? $"{term}.{index}" : $"{WireRevision.Parse(text)}";
        if (WireRevision.Parse($"{revision}") != revision) throw new InvalidOperationException($"{revision} is read as another");
        return $"{revision}";
    }

    /// <summary>Whatever the words are, parsing reports errors and does not throw; and what it says can be printed.</summary>
    private static string ParseCommand(string text)
    {
        var parse = new CommandTree().Parse(RawArguments.MarkLiterals(text.Split(' ')));
        return $"{parse.CommandResult.Command.Name} {string.Join('|', parse.Errors.Select(error => RawArguments.Printable(error.Message)))}";
    }

    private static Decoded ReadArguments(ReadOnlyMemory<byte> input)
    {
        var argument = RawArguments.Decode(input.Span);
        if (!RawArguments.ToBytes(argument).AsSpan().SequenceEqual(input.Span)) throw new InvalidOperationException("the bytes of an argument change");
        var bytes = input.ToArray();
        var restored = RawArguments.Restore([.. Encoding.UTF8.GetString(bytes).Split('\0')], () => bytes);
        return Decoded.Of(Encoding.Unicode.GetBytes(string.Join('\0', restored) + RawArguments.Printable(argument)));
    }

    private static Decoded ReadHead(ReadOnlyMemory<byte> input)
    {
        var length = HttpRequestHead.LengthOf(input.Span);
        if (length < 0 || !HttpRequestHead.TryParse(input.Span[..length], out var head)) return Decoded.Refused;
        return Decoded.Of(Encoding.ASCII.GetBytes($"{head.Method} {head.Path}"));
    }
}
