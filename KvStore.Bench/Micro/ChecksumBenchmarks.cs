using BenchmarkDotNet.Attributes;
using KvStore.Core.Primitives;

namespace KvStore.Bench.Micro;

/// <summary>The checksum of the log's records and the hash of frames and keys, at the sizes they see.</summary>
public class ChecksumBenchmarks
{
    private byte[] _bytes = [];

    [Params(16, 300, 4096, 1 << 20)]
    public int Bytes { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _bytes = new byte[Bytes];
        new Prng(1).Fill(_bytes);
    }

    [Benchmark]
    public uint Crc32C() => Core.Primitives.Crc32C.Of(_bytes);

    [Benchmark]
    public ulong XxHash3() => StableHash.Of(_bytes);
}
