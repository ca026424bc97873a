namespace KvStore.Daemon.Config;

/// <summary>The text a setting has and where it came from: "default", a file's path, an environment variable or a flag.</summary>
public sealed record ConfigValue(Setting Setting, string Text, string Origin);
