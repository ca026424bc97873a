namespace KvStore.Daemon.Config;

/// <summary>
/// One key of the configuration: its section and name in kvd.conf, the text it has when nobody says otherwise, what it means,
/// and the flag of `kvd run` that sets it, if there is one.
/// </summary>
public sealed record Setting(string Section, string Name, string Default, string Meaning, string? Flag = null)
{
    /// <summary>"section.name": the name in messages and reports.</summary>
    public string Key => $"{Section}.{Name}";

    /// <summary>"KVD_SECTION__NAME".</summary>
    public string EnvironmentVariable => $"KVD_{Section}__{Name}".ToUpperInvariant();
}
