using System.Buffers.Binary;
using KvStore.Core.Primitives;

namespace KvStore.Bench.Engine;

/// <summary>16-byte keys in no order, from numbers, and values that do not compress, from a pool.</summary>
internal sealed class BenchKeys
{
    public const int KeyBytes = 16;
    private const int PoolBytes = 8 << 20;

    private readonly byte[] _pool = new byte[PoolBytes];
    private readonly int _valueBytes;

    public BenchKeys(int valueBytes)
    {
        _valueBytes = valueBytes;
        new Prng(42).Fill(_pool);
    }

    public ReadOnlySpan<byte> Value(long key) => _pool.AsSpan((int)((ulong)key * 7919 % (ulong)(PoolBytes - _valueBytes)), _valueBytes);

    public static void Write(long key, Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64BigEndian(destination, (ulong)key * 0x9E3779B97F4A7C15);
        BinaryPrimitives.WriteInt64BigEndian(destination[8..], key);
    }
}
