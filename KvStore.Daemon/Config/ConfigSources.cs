namespace KvStore.Daemon.Config;

/// <summary>Where a configuration is read from. Later sources win: defaults, file, environment, flags.</summary>
public sealed record ConfigSources
{
    /// <summary>The file that must exist (--config), or null: <see cref="Settings.DefaultFile"/>, if it exists.</summary>
    public string? File { get; init; }

    /// <summary>Environment variables; those that do not begin with KVD_ are nobody's business here.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary>Flags that were given, in order, each with the name <see cref="Setting.Flag"/> says and its argument.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Flags { get; init; } = [];

    /// <summary>The environment of this process.</summary>
    public static IReadOnlyDictionary<string, string> ProcessEnvironment()
    {
        var variables = new Dictionary<string, string>();
        foreach (System.Collections.DictionaryEntry entry in System.Environment.GetEnvironmentVariables())
        {
            if (entry.Key is string name && entry.Value is string value) variables[name] = value;
        }

        return variables;
    }
}
