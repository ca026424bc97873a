namespace KvStore.Tests.Chaos.Nodes;

/// <summary>Moves the wall clock of one process (clock_shim.c); time namespaces cannot.</summary>
internal sealed class ClockShim
{
    private const long NsPerMs = 1_000_000;

    private readonly string _offsetFile;

    private ClockShim(string library, string offsetFile)
    {
        Library = library;
        _offsetFile = offsetFile;
        Set(0);
    }

    public string Library { get; }

    public IEnumerable<KeyValuePair<string, string>> Environment => [new("LD_PRELOAD", Library), new("CHAOS_CLOCK", _offsetFile)];

    /// <summary>Compiles the library once for a run.</summary>
    public static string Build(string directory)
    {
        var library = Path.Combine(directory, "clock_shim.so");
        SystemTool.Run("cc", "-shared", "-fPIC", "-O1", "-o", library, Path.Combine(AppContext.BaseDirectory, "Chaos", "Nodes", "clock_shim.c"), "-ldl");
        return library;
    }

    public static ClockShim For(string library, string directory, string name) => new(library, Path.Combine(directory, $"{name}.clock"));

    public void Set(int offsetMs)
    {
        using var file = new FileStream(_offsetFile, FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite);
        file.Write(BitConverter.GetBytes(offsetMs * NsPerMs));
    }
}
