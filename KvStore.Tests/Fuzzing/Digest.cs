using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using KvStore.Core.Primitives;

namespace KvStore.Tests.Fuzzing;

/// <summary>Gathers what a decoder gave that has no encoder: numbers and bytes, in order.</summary>
internal sealed class Digest
{
    private readonly ArrayBufferWriter<byte> _bytes = new();
    private ulong _hash;
    private long _length;

    public Digest Add(ulong number)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(_bytes.GetSpan(8), number);
        _bytes.Advance(8);
        return Fold();
    }

    public Digest Add(long number) => Add((ulong)number);

    public Digest Add(bool flag) => Add(flag ? 1UL : 0);

    public Digest Add(ReadOnlySpan<byte> bytes)
    {
        Add(bytes.Length);
        _bytes.Write(bytes);
        return Fold();
    }

    public Digest Add(string text) => Add(Encoding.Unicode.GetBytes(text));

    /// <summary>How much was read, by powers of two, and the hash of it.</summary>
    public Decoded Done(string shape = "")
    {
        _length += _bytes.WrittenCount;
        _hash = StableHash.Of(_bytes.WrittenSpan, (long)_hash);
        return new Decoded($"{shape}/{System.Numerics.BitOperations.Log2((ulong)_length + 1)}", BitConverter.GetBytes(_hash));
    }

    private Digest Fold()
    {
        if (_bytes.WrittenCount < 4096) return this;
        _length += _bytes.WrittenCount;
        _hash = StableHash.Of(_bytes.WrittenSpan, (long)_hash);
        _bytes.ResetWrittenCount();
        return this;
    }
}
