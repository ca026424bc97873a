using KvStore.Core.Io;
using KvStore.Core.Primitives;
using KvStore.Core.Storage.Manifest;
using KvStore.Core.Storage.Table;

namespace KvStore.Core.Storage;

/// <summary>Looks at a storage directory that no engine has open. Changes nothing.</summary>
public static class StorageInspection
{
    private const long CacheBytes = 4 << 20;

    /// <summary>What the directory holds. Tables that cannot be described go to <paramref name="onProblem"/>.</summary>
    /// <exception cref="CorruptionException">CURRENT or the manifest is damaged or missing.</exception>
    public static StorageReport Inspect(IFileSystem fs, string directory, Action<StorageProblem> onProblem)
    {
        ArgumentNullException.ThrowIfNull(fs);
        ArgumentNullException.ThrowIfNull(onProblem);
        var number = CurrentFile.Read(fs, directory);
        var state = ManifestLog.Read(fs, directory, number);
        using var cache = new BlockCache(CacheBytes, poison: false);
        var tables = state.Tables.Values.OrderBy(entry => entry.Level).ThenBy(entry => entry.Table.FileNumber)
            .Select(entry => Describe(fs, directory, cache, entry.Level, entry.Table, onProblem));
        var partitions = state.Partitions.Values
            .Select(record => new PartitionReport(record.Id, record.Generation, record.Applied, record.Floor, record.Configuration!.Length));
        return new StorageReport(number, [.. partitions], [.. tables]);
    }

    /// <summary>
    /// Reads everything: every block of every table, each key's place, filter and index, and what manifest and properties say of it.
    /// Problems go to <paramref name="onProblem"/> as they are found; returns how many there were.
    /// </summary>
    public static int Verify(IFileSystem fs, string directory, Action<StorageProblem> onProblem)
    {
        ArgumentNullException.ThrowIfNull(fs);
        ArgumentNullException.ThrowIfNull(onProblem);
        var problems = 0;
        void Report(string path, long offset, string what)
        {
            problems++;
            onProblem(new StorageProblem(path, offset, what));
        }

        try
        {
            var state = ManifestLog.Read(fs, directory, CurrentFile.Read(fs, directory));
            using var cache = new BlockCache(CacheBytes, poison: false);
            foreach (var (_, table) in state.Tables.Values) new TableCheck(fs, directory, table, cache, Report).Run();
        }
        catch (CorruptionException e)
        {
            Report(e.Path, e.Offset, e.Message);
        }

        return problems;
    }

    private static TableReport Describe(IFileSystem fs, string directory, BlockCache cache, int level, TableInfo table, Action<StorageProblem> onProblem)
    {
        var facts = new TableProperties(table.Records, 0, 0, 0, 0, []);
        try
        {
            using var reader = TableReader.Open(fs, Path.Combine(directory, TableFormat.FileName(table.FileNumber)), table, cache);
            facts = reader.ReadProperties();
        }
        catch (CorruptionException e)
        {
            onProblem(new StorageProblem(e.Path, e.Offset, e.Message));
        }

        return new TableReport(
            table.FileNumber, level, table.Bytes, table.Records, StorageKey.PartitionOf(table.Smallest), StorageKey.PartitionOf(table.Largest),
            facts.Tombstones, facts.KeyBytes, facts.ValueBytes, facts.DataBlocks);
    }
}
