using System.Globalization;
using System.IO.Hashing;
using System.Text;

namespace KvStore.Tests.Simulation.Checkers;

/// <summary>
/// What clients write: a word that tells a write from all others, then length and checksum of a tail that makes tables and logs grow, then the
/// tail. Who reads it sees the word, or something that nobody wrote if a byte of the rest is not as it was.
/// </summary>
internal static class TaggedValue
{
    public static byte[] Of(string word, ReadOnlySpan<byte> tail) =>
        [.. Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{word} {tail.Length} {Crc32.HashToUInt32(tail):x8} ")), .. tail];

    /// <summary>A value without a blank is its own word.</summary>
    public static string WordOf(ReadOnlySpan<byte> value)
    {
        var end = value.IndexOf((byte)' ');
        if (end < 0) return Encoding.UTF8.GetString(value);
        var word = Encoding.UTF8.GetString(value[..end]);
        var rest = value[(end + 1)..];
        var lengthEnd = rest.IndexOf((byte)' ');
        if (lengthEnd < 0 || rest.Length < lengthEnd + 10) return Damaged(word, value.Length);
        var tail = rest[(lengthEnd + 10)..];
        return value.SequenceEqual(Of(word, tail)) ? word : Damaged(word, value.Length);
    }

    private static string Damaged(string word, int length) => string.Create(CultureInfo.InvariantCulture, $"({word} with another tail, {length} bytes)");
}
