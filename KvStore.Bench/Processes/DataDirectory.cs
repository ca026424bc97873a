namespace KvStore.Bench.Processes;

/// <summary>A fresh directory for one store's data and logs, removed at the end of the measurement.</summary>
internal sealed class DataDirectory : IDisposable
{
    /// <param name="parent">Where to make it: must be on the disk that is to be measured.</param>
    /// <param name="name">Name of the store, part of the directory's name.</param>
    public DataDirectory(string parent, string name)
    {
        Path = System.IO.Path.Combine(parent, $"kvd-bench-{Environment.ProcessId}-{name}-{Guid.NewGuid():N}");
        Directory.CreateDirectory(Path);
    }

    public string Path { get; }

    /// <summary>File system type of <paramref name="path"/> as the kernel names it (`ext4`, `tmpfs`).</summary>
    public static string FileSystemOf(string path) =>
        File.ReadLines("/proc/self/mounts")
            .Select(static line => line.Split(' '))
            .Where(fields => fields[1] == "/" || path == fields[1] || path.StartsWith(fields[1] + "/", StringComparison.Ordinal))
            .MaxBy(static fields => fields[1].Length)?[2] ?? "unknown";

    public string Sub(string name) => System.IO.Path.Combine(Path, name);

    public void Dispose()
    {
        if (Directory.Exists(Path))
            Directory.Delete(Path, recursive: true);
    }
}
