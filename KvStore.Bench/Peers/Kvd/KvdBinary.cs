namespace KvStore.Bench.Peers.Kvd;

/// <summary>The native build under measurement: `kvd` and the `kvctl` link beside it.</summary>
internal sealed record KvdBinary(string ServerPath)
{
    public string ControlPath => Path.Combine(Path.GetDirectoryName(ServerPath)!, "kvctl");

    /// <summary>
    /// The binary that <paramref name="option"/> names, else KVD_BINARY, else `out/kvd` below the current directory.
    /// Throws <see cref="FileNotFoundException"/> with the remedy if it is not there.
    /// </summary>
    public static KvdBinary Find(string? option)
    {
        string path = Path.GetFullPath(option ?? Environment.GetEnvironmentVariable("KVD_BINARY") ?? "out/kvd");
        var binary = new KvdBinary(path);
        return File.Exists(path) && File.Exists(binary.ControlPath)
            ? binary
            : throw new FileNotFoundException($"{path} with a kvctl link beside it is needed: run ./build.sh build");
    }
}
