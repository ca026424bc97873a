namespace KvStore.Tests.Storage;

/// <summary>What the stories of many seeds did together.</summary>
internal sealed record EngineTally
{
    public long Flushes { get; set; }

    public long Compactions { get; set; }

    public long Crashes { get; set; }

    public long CrashesWhileOpening { get; set; }

    public long Installs { get; set; }

    public long Drops { get; set; }

    public long Reopenings { get; set; }

    /// <summary>Scans that were read long after they were opened.</summary>
    public long PinnedScans { get; set; }
}
