using Microsoft.Extensions.Configuration.Ini;

namespace KvStore.Daemon.Config;

/// <summary>Gathers the text of every setting from its sources, the later over the earlier, and refuses what it does not know.</summary>
internal sealed class ConfigReader
{
    private const string Prefix = "KVD_";

    private readonly Dictionary<string, ConfigValue> _values =
        Settings.All.ToDictionary(s => s.Key, s => new ConfigValue(s, s.Default, "default"), StringComparer.OrdinalIgnoreCase);

    public static ConfigReader Read(ConfigSources sources)
    {
        var reader = new ConfigReader();
        if (sources.File is not null) reader.ReadFile(sources.File);
        else if (File.Exists(Settings.DefaultFile)) reader.ReadFile(Settings.DefaultFile);
        foreach (var (name, value) in sources.Environment.OrderBy(v => v.Key, StringComparer.Ordinal)) reader.ReadVariable(name, value);
        foreach (var (flag, value) in sources.Flags) reader.ReadFlag(flag, value);
        return reader;
    }

    /// <summary>In the order of <see cref="Settings.All"/>.</summary>
    public IReadOnlyList<ConfigValue> Values => [.. Settings.All.Select(s => _values[s.Key])];

    public ConfigValue this[Setting setting] => _values[setting.Key];

    private void ReadFile(string path)
    {
        IDictionary<string, string?> entries;
        try
        {
            using var stream = File.OpenRead(path);
            entries = IniStreamConfigurationProvider.Read(stream);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            throw new ConfigException($"configuration file {path} cannot be read: {e.Message}");
        }

        foreach (var (name, value) in entries) Set(name.Replace(':', '.'), value ?? "", path);
    }

    private void ReadVariable(string name, string value)
    {
        if (!name.StartsWith(Prefix, StringComparison.Ordinal)) return;
        var parts = name[Prefix.Length..].Split("__");
        if (parts.Length == 2)
        {
            Set($"{parts[0]}.{parts[1]}".ToLowerInvariant(), value, name);
        }
        else if (Settings.All.FirstOrDefault(s => name.StartsWith($"{Prefix}{s.Section}_".ToUpperInvariant(), StringComparison.Ordinal)) is { } near)
        {
            // KVD_NODE_NAME would otherwise be ignored in silence. Other KVD_ variables belong to somebody else (KVD_BINARY).
            var meant = NearestName.Of($"{near.Section}.{name[(Prefix.Length + near.Section.Length + 1)..]}");
            throw new ConfigException($"environment variable {name} names no key: section and key are separated by two underscores; did you mean {meant.EnvironmentVariable}?");
        }
    }

    private void ReadFlag(string flag, string value)
    {
        var setting = Settings.All.FirstOrDefault(s => s.Flag == flag)
            ?? throw new ArgumentException($"no setting has the flag {flag}", nameof(flag));
        _values[setting.Key] = new ConfigValue(setting, value, flag);
    }

    private void Set(string key, string value, string origin)
    {
        if (!_values.TryGetValue(key, out var known))
        {
            throw new ConfigException($"unknown key {key} in {origin}; did you mean {NearestName.Of(key).Key}?");
        }

        _values[key] = new ConfigValue(known.Setting, value.Trim(), origin);
    }
}
