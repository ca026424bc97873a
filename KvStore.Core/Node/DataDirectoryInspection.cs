using KvStore.Core.Io;
using KvStore.Core.Primitives;
using KvStore.Core.Ring;
using KvStore.Core.Storage;
using KvStore.Core.Storage.Manifest;
using KvStore.Core.Storage.Wal;

namespace KvStore.Core.Node;

/// <summary>Looks at the data directory of a node that does not run. Changes nothing.</summary>
public static class DataDirectoryInspection
{
    public const string StoreName = "store";
    public const string LogName = "wal";

    /// <summary>Whether a node has ever started on it.</summary>
    public static bool IsDataDirectory(IFileSystem fs, string directory) => NodeIdentity.Exists(fs, directory);

    /// <summary>
    /// Reads what names things (identity, cluster, manifest), the properties of all tables and the whole log; with
    /// <paramref name="everything"/> every block of every table as well. What is damaged goes to <paramref name="onProblem"/>.
    /// </summary>
    /// <exception cref="DiskException">The directory cannot be read.</exception>
    /// <exception cref="WalRefusedException">A newer release wrote it, or it holds the files of several nodes.</exception>
    public static DataDirectoryReport Inspect(IFileSystem fs, string directory, bool everything, Action<StorageProblem> onProblem)
    {
        ArgumentNullException.ThrowIfNull(fs);
        ArgumentNullException.ThrowIfNull(onProblem);
        var told = new HashSet<StorageProblem>();
        void Tell(StorageProblem problem)
        {
            if (told.Add(problem)) onProblem(problem);
        }

        var identity = Read(() => NodeIdentity.Peek(fs, directory), Tell);
        var cluster = Read(() => ClusterFile.Read(fs, directory), Tell);
        Read(() => PendingInit.Read(fs, directory), Tell);
        if (identity is not null && Missing(fs, directory, identity) is { } missing) Tell(missing);
        var storePath = Path.Combine(directory, StoreName);
        StorageReport? store = null;
        if (fs.List(storePath).Count > 0)
        {
            store = Read(() => StorageInspection.Inspect(fs, storePath, Tell), Tell);
            if (everything) StorageInspection.Verify(fs, storePath, Tell);
        }

        var log = WalInspection.Inspect(fs, Path.Combine(directory, LogName));
        foreach (var problem in log.Problems) Tell(problem);
        return new DataDirectoryReport(identity, cluster?.Topology, store, log);
    }

    /// <summary>Null, or what of a node's data is gone as a whole: a disk that is not mounted, a directory that was removed.</summary>
    public static StorageProblem? Missing(IFileSystem fs, string directory, NodeIdentity identity)
    {
        if (!identity.HasData) return null;
        foreach (var (name, isThere) in ((string, Predicate<string>)[])[(LogName, file => WalFormat.TryParseSegmentName(file, out _)), (StoreName, file => file == CurrentFile.Name)])
        {
            var path = Path.Combine(directory, name);
            if (!fs.List(path).Any(file => isThere(file)))
                return new StorageProblem(path, 0, $"{path} is gone or empty, although this node has written to it: if it is a disk of its own, mount it; without it the node does not know what it voted for and must not start");
        }

        return null;
    }

    private static T? Read<T>(Func<T?> read, Action<StorageProblem> onProblem)
        where T : class
    {
        try
        {
            return read();
        }
        catch (CorruptionException e)
        {
            onProblem(new StorageProblem(e.Path, e.Offset, e.Message));
            return null;
        }
    }
}

/// <summary>A data directory, read without a node. What could not be read is null.</summary>
/// <param name="Store">Null as well if the node never was a member.</param>
public sealed record DataDirectoryReport(NodeIdentity? Identity, Topology? Cluster, StorageReport? Store, WalReport Log)
{
    /// <summary>Who the node is in its cluster; null before it was a member.</summary>
    public ClusterMember? Member => Cluster?.Members.FirstOrDefault(member => member.Incarnation == Identity?.Incarnation);
}
