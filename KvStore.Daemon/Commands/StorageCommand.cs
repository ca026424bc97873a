using KvStore.Core.Io;
using KvStore.Core.Node;
using KvStore.Core.Storage;

namespace KvStore.Daemon.Commands;

/// <summary>`kvd storage inspect|verify DIR`: what the directory of a stopped node holds, and whether all of it can be read.</summary>
internal static class StorageCommand
{
    /// <param name="everything">Verify: read every block. Else what names and describes things, and the log.</param>
    public static int Run(string directory, bool everything, bool json)
    {
        var fs = new OsFileSystem();
        try
        {
            if (directory.Length > 0) directory = Path.GetFullPath(directory);
            if (directory.Length == 0 || !DataDirectoryInspection.IsDataDirectory(fs, directory))
            {
                Console.Error.WriteLine($"kvd: '{directory}' is not the data directory of a node: it has no file 'identity'; give what [node] data_dir names");
                return DaemonCommands.ExitUsage;
            }

            using var held = fs.Lock(Path.Combine(directory, NodeLock.FileName));
            var problems = new List<StorageProblem>();
            var report = DataDirectoryInspection.Inspect(fs, directory, everything, problems.Add);
            using var output = Console.OpenStandardOutput();
            if (json)
            {
                using var document = StorageDocument.Json(directory, report, problems);
                output.Write(document.Finish().Span);
            }
            else
            {
                output.Write(System.Text.Encoding.UTF8.GetBytes(StorageDocument.Text(report, problems, everything)));
            }

            return problems.Count == 0 ? 0 : DaemonCommands.ExitDamaged;
        }
        catch (Exception trouble) when (trouble is DiskException or Core.Storage.Wal.WalRefusedException)
        {
            return DaemonCommands.ExitCodeOf(trouble);
        }
    }
}
