namespace KvStore.Daemon.Config;

/// <summary>What `kvd check-config` prints: every key with its effective value and where that came from.</summary>
public static class ConfigReport
{
    public static void Write(TextWriter output, KvdConfig config)
    {
        var rows = config.Values.Select(v => (v.Setting.Key, Text: Effective(config, v), v.Origin)).ToList();
        var keyWidth = rows.Max(r => r.Key.Length);
        var textWidth = rows.Max(r => r.Text.Length);
        foreach (var (key, text, origin) in rows) output.WriteLine($"{key.PadRight(keyWidth)} = {text.PadRight(textWidth)}  {origin}");
    }

    /// <summary>The text as it was given, but for the keys whose value depends on others or on the working directory.</summary>
    private static string Effective(KvdConfig config, ConfigValue value)
    {
        if (value.Setting == Settings.Advertise) return config.Advertise.ToString();
        return value.Setting == Settings.DataDirectory ? config.DataDirectory : value.Text;
    }
}
