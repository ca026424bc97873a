using System.Globalization;
using System.Text;
using KvStore.Core.Primitives;

namespace KvStore.Bench.Load;

/// <summary>
/// The keys and the value of a load, made before it starts so that the generator formats and
/// allocates nothing per operation: keys are 16 bytes (`key:` and twelve digits), the value is
/// random bytes (incompressible) from a fixed seed.
/// </summary>
internal sealed class KeySpace
{
    private const int KeyBytes = 16;

    private readonly byte[] _keys;

    /// <param name="count">Number of keys, at least 1.</param>
    /// <param name="valueBytes">Size of the value in bytes.</param>
    public KeySpace(int count, int valueBytes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        Count = count;
        _keys = new byte[(long)count * KeyBytes];
        for (int number = 0; number < count; number++)
        {
            string key = number.ToString("'key:'000000000000", CultureInfo.InvariantCulture);
            Encoding.ASCII.GetBytes(key, _keys.AsSpan(number * KeyBytes, KeyBytes));
        }
        var value = new byte[valueBytes];
        new Prng(Seed).Fill(value);
        Value = value;
    }

    /// <summary>Seed of the value's bytes and of the clients' key choices.</summary>
    public const ulong Seed = 0x6b7664;

    public int Count { get; }

    public ReadOnlyMemory<byte> Value { get; }

    public ReadOnlyMemory<byte> Key(int number) => _keys.AsMemory(number * KeyBytes, KeyBytes);
}
