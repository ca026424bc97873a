using System.CommandLine;

namespace KvStore.Daemon.Ctl.Arguments;

/// <summary>The options that every verb takes, before or after its name.</summary>
internal sealed class GlobalOptions
{
    public const string EndpointsVariable = "KVCTL_ENDPOINTS";
    public const string ConsistencyVariable = "KVCTL_CONSISTENCY";
    public const string NoColorVariable = "NO_COLOR";

    private const string DefaultEndpoint = "127.0.0.1:7400";
    private static readonly TimeSpan s_defaultTimeout = TimeSpan.FromSeconds(5);

    private readonly Option<string?> _endpoints = Words.Text(
        "--endpoints", "H:P[,H:P...]", $"nodes to ask, any will do (or {EndpointsVariable}; default {DefaultEndpoint})");

    private readonly Option<bool> _json = Words.Flag("--json", "print JSON documents, one per line (see 'kvctl schema')");

    private readonly Option<TimeSpan?> _timeout = Words.Duration("--timeout", "deadline of each request, carried to the servers (default 5s)");

    private readonly Option<string?> _consistency = Words.Text(
        "--consistency", "fast|strong",
        $"fast: fast writes and local reads; strong: strong writes and quorum reads (or {ConsistencyVariable}; default fast)");

    private readonly Option<bool> _noColor = Words.Flag("--no-color", $"no colours on a terminal (or {NoColorVariable})");

    public void AddTo(Command root)
    {
        _consistency.CompletionSources.Add("fast", "strong");
        foreach (Option option in (Option[])[_endpoints, _json, _timeout, _consistency, _noColor])
        {
            option.Recursive = true;
            root.Options.Add(option);
        }
    }

    /// <summary>The settings of one invocation: option, else environment, else default.</summary>
    /// <exception cref="UsageException">An option or a variable has a value that cannot be meant.</exception>
    public Settings Read(ParseResult parse, Func<string, string?> environment)
    {
        var (endpointText, endpointSource) = Pick(parse.GetValue(_endpoints), "--endpoints", EndpointsVariable, environment, DefaultEndpoint);
        var endpoints = EndpointText.Parse(endpointText, out var error) ?? throw new UsageException($"{endpointSource}: {error}");
        var (consistency, consistencySource) = Pick(parse.GetValue(_consistency), "--consistency", ConsistencyVariable, environment, "fast");
        if (consistency is not ("fast" or "strong")) throw new UsageException($"{consistencySource}: '{consistency}' is neither fast nor strong");
        return new Settings
        {
            Endpoints = endpoints,
            Json = parse.GetValue(_json),
            Timeout = parse.GetValue(_timeout) ?? s_defaultTimeout,
            StrongByDefault = consistency == "strong",
            NoColor = parse.GetValue(_noColor) || environment(NoColorVariable) is { Length: > 0 },
        };
    }

    private static (string Value, string Source) Pick(
        string? option, string optionName, string variable, Func<string, string?> environment, string otherwise)
    {
        if (option is not null) return (option, optionName);
        return environment(variable) is { Length: > 0 } fromVariable ? (fromVariable, variable) : (otherwise, "default");
    }

    internal sealed record Settings
    {
        public required string[] Endpoints { get; init; }

        public required bool Json { get; init; }

        public required TimeSpan Timeout { get; init; }

        /// <summary>Writes are strong and reads are quorum reads unless the verb's own options say otherwise.</summary>
        public required bool StrongByDefault { get; init; }

        public required bool NoColor { get; init; }
    }
}
