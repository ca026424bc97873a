using System.Globalization;
using KvStore.Core.Storage;
using Prometheus;

namespace KvStore.Daemon.Diagnostics;

/// <summary>The metric families of the storage engine, read at a scrape. One caller at a time.</summary>
internal sealed class StorageFamilies(IMetricFactory factory)
{
    private readonly Gauge _memTableBytes = factory.CreateGauge("kvd_memtable_bytes", "Memory of writes that are not yet in tables.");
    private readonly Gauge _tableFiles = factory.CreateGauge("kvd_sstable_files", "Table files by level.", ["level"]);
    private readonly Gauge _tableBytes = factory.CreateGauge("kvd_sstable_bytes", "Bytes of table files by level.", ["level"]);
    private readonly Counter _flushes = factory.CreateCounter("kvd_flush_total", "Memtables written to level 0.");
    private readonly Counter _flushedBytes = factory.CreateCounter("kvd_flush_bytes_total", "Bytes written to level 0.");
    private readonly Counter _compactions = factory.CreateCounter("kvd_compaction_total", "Compactions that ended.");
    private readonly Counter _compactedBytes = factory.CreateCounter("kvd_compaction_bytes_total", "Bytes that compactions wrote.");
    private readonly Gauge _writeAmplification = factory.CreateGauge("kvd_write_amplification", "Bytes written to tables for each byte flushed, since the start; the log is not counted.");
    private readonly Gauge _readAmplification = factory.CreateGauge("kvd_read_amplification", "Sorted runs a read may have to look into: tables of level 0 and levels that hold something.");
    private readonly Gauge _spaceAmplification = factory.CreateGauge("kvd_space_amplification", "Bytes of all levels over those of the deepest one: never less than the bytes for each live byte by the same share.");
    private readonly Gauge _cacheBytes = factory.CreateGauge("kvd_block_cache_bytes", "Memory of cached blocks.");
    private readonly Counter _cacheHits = factory.CreateCounter("kvd_block_cache_hits_total", "Blocks found in the cache.");
    private readonly Counter _cacheMisses = factory.CreateCounter("kvd_block_cache_misses_total", "Blocks read from files.");
    private readonly Counter _corruptions = factory.CreateCounter("kvd_corruptions_total", "Damaged blocks and files that were met.");
    private readonly Gauge _freeBytes = factory.CreateGauge("kvd_free_space_bytes", "Free space of the disk with the data, as of the last second.");
    private readonly Gauge _pressure = factory.CreateGauge("kvd_write_pressure", "0 writes are taken as they come; 1 held up; 2 refused as overloaded; 3 refused as disk_full.");

    public void Update(StorageStatistics figures)
    {
        _memTableBytes.Set(figures.MemTableBytes);
        for (var level = 0; level < figures.Levels.Count; level++)
        {
            var name = level.ToString(CultureInfo.InvariantCulture);
            _tableFiles.WithLabels(name).Set(figures.Levels[level].Tables);
            _tableBytes.WithLabels(name).Set(figures.Levels[level].Bytes);
        }

        _flushes.IncTo(figures.Flushes);
        _flushedBytes.IncTo(figures.FlushedBytes);
        _compactions.IncTo(figures.Compactions);
        _compactedBytes.IncTo(figures.CompactedBytes);
        _writeAmplification.Set(figures.WriteAmplification);
        _readAmplification.Set(figures.ReadAmplification);
        _spaceAmplification.Set(figures.SpaceAmplification);
        _cacheBytes.Set(figures.CacheBytes);
        _cacheHits.IncTo(figures.CacheHits);
        _cacheMisses.IncTo(figures.CacheMisses);
        _corruptions.IncTo(figures.Corruptions);
        _freeBytes.Set(figures.FreeSpaceBytes);
        _pressure.Set((int)figures.Pressure);
    }
}
