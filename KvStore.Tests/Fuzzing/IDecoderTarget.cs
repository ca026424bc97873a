namespace KvStore.Tests.Fuzzing;

/// <summary>A decoder under attack: where valid inputs come from, what decoding means, and what the decoder promises.</summary>
internal interface IDecoderTarget
{
    string Name { get; }

    /// <summary>The methods that it attacks, as "Type.Method": see <see cref="EntryPointTests"/>.</summary>
    IReadOnlyList<string> Covers { get; }

    /// <summary>What was decoded can be encoded again: decoding <see cref="Decoded.Meaning"/> must give the same meaning.</summary>
    bool RoundTrips { get; }

    /// <summary>Managed bytes that one decoding may take, for an input of so many bytes.</summary>
    long MostAllocated(int inputBytes);

    /// <summary>A valid input, made by the real encoder.</summary>
    byte[] Make(Random random);

    /// <summary>Makes the checksums of a changed input right again, as far as its structure can still be followed.</summary>
    void Repair(Span<byte> input);

    /// <summary>Decodes, and reads all that was decoded.</summary>
    Decoded Decode(ReadOnlyMemory<byte> input);

    /// <summary>Whether this exception is how the decoder refuses an input.</summary>
    bool Documents(Exception exception);
}

/// <summary>What an input meant.</summary>
/// <param name="Shape">Coarse: an input of a shape that was not met before is worth changing further.</param>
/// <param name="Meaning">All that was decoded, encoded again where there is an encoder; else a digest. Null if the decoder refused without an exception.</param>
internal readonly record struct Decoded(string Shape, byte[]? Meaning)
{
    public static readonly Decoded Refused = new("refused", null);

    /// <summary>The shape is the size of the meaning, by powers of two, and its first byte.</summary>
    public static Decoded Of(byte[] meaning) =>
        new($"{System.Numerics.BitOperations.Log2((uint)meaning.Length + 1)}.{(meaning.Length > 0 ? meaning[0] : 0)}", meaning);
}
