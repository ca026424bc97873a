using RocksDbSharp;

namespace KvStore.Bench.Engine;

/// <summary>RocksDB from its NuGet package with the same sizes: 16 KiB blocks, LZ4, 10 bits a key, the same memtable and cache.</summary>
internal sealed class RocksStore : IStore
{
    private readonly string _directory;
    private readonly DbOptions _options;
    private readonly WriteOptions _synced = new WriteOptions().SetSync(true);
    private readonly WriteOptions _unsynced = new();
    private RocksDb _db;

    public RocksStore(string directory, long memTableBytes, long cacheBytes)
    {
        _directory = directory;
        var table = new BlockBasedTableOptions()
            .SetBlockSize(16 << 10)
            .SetFilterPolicy(BloomFilterPolicy.Create(10, false))
            .SetFormatVersion(5)
            .SetBlockCache(Cache.CreateLru((ulong)cacheBytes));
        _options = new DbOptions()
            .SetCreateIfMissing(true)
            .SetCompression(Compression.Lz4)
            .SetWriteBufferSize((ulong)memTableBytes)
            .SetMaxWriteBufferNumber(2)
            .SetTargetFileSizeBase(64 << 20)
            .SetMaxBytesForLevelBase(256 << 20)
            .SetLevelCompactionDynamicLevelBytes(true)
            .SetMaxBackgroundCompactions(1)
            .SetMaxBackgroundFlushes(1)
            .SetBlockBasedTableFactory(table)
            .EnableStatistics();
        _db = RocksDb.Open(_options, directory);
    }

    public string Name => "rocksdb";

    public long WrittenBytes
    {
        get
        {
            var text = _options.GetStatisticsString();
            return Counter(text, "rocksdb.compact.write.bytes") + Counter(text, "rocksdb.flush.write.bytes");
        }
    }

    public void Put(int thread, long key, ReadOnlySpan<byte> value, bool sync)
    {
        Span<byte> bytes = stackalloc byte[BenchKeys.KeyBytes];
        BenchKeys.Write(key, bytes);
        _db.Put(bytes, value, null, sync ? _synced : _unsynced);
    }

    public int Get(int thread, long key)
    {
        Span<byte> bytes = stackalloc byte[BenchKeys.KeyBytes];
        BenchKeys.Write(key, bytes);
        return _db.Get(bytes, new LengthOf()) ?? -1;
    }

    public long ScanAll()
    {
        long count = 0;
        using var iterator = _db.NewIterator();
        for (iterator.SeekToFirst(); iterator.Valid(); iterator.Next()) count += iterator.GetValueSpan().Length > 0 ? 1 : 0;
        return count;
    }

    public void Settle()
    {
        _db.Flush(new FlushOptions().SetWaitForFlush(true));
        for (long before = -1; before != WrittenBytes; Thread.Sleep(300)) before = WrittenBytes;
    }

    public void Reopen()
    {
        _db.Dispose();
        _db = RocksDb.Open(_options, _directory);
    }

    public void Dispose() => _db.Dispose();

    private static long Counter(string text, string name)
    {
        var line = text.Split('\n').FirstOrDefault(line => line.StartsWith(name + " COUNT", StringComparison.Ordinal));
        return line is null ? 0 : long.Parse(line.Split(':')[1]);
    }

    /// <summary>Looks at the value where RocksDB holds it, without a copy.</summary>
    private readonly struct LengthOf : ISpanDeserializer<int?>
    {
        public int? Deserialize(ReadOnlySpan<byte> value) => value.Length;
    }
}
