namespace KvStore.Tests.Fuzzing;

/// <summary>A target put together from functions.</summary>
internal sealed record DecoderTarget : IDecoderTarget
{
    // An exception with its stack and message, and what decoding needs once.
    private const long FixedBytes = 64 << 10;

    public required string Name { get; init; }

    public required IReadOnlyList<string> Covers { get; init; }

    public required Func<Random, byte[]> Valid { get; init; }

    public required Func<ReadOnlyMemory<byte>, Decoded> Read { get; init; }

    /// <summary>The exceptions by which it refuses an input.</summary>
    public Type[] Refuses { get; init; } = [];

    public RepairChecksums? Checksums { get; init; }

    public bool RoundTrips { get; init; }

    /// <summary>Managed bytes for each byte of the input: objects are larger than their fields on the wire.</summary>
    public int BytesPerByte { get; init; } = 24;

    /// <summary>What the format itself may ask for by stating a size, such as the largest frame.</summary>
    public long StatedBytes { get; init; }

    public delegate void RepairChecksums(Span<byte> input);

    public long MostAllocated(int inputBytes) => FixedBytes + StatedBytes + ((long)inputBytes * BytesPerByte);

    public byte[] Make(Random random) => Valid(random);

    public void Repair(Span<byte> input) => Checksums?.Invoke(input);

    public Decoded Decode(ReadOnlyMemory<byte> input) => Read(input);

    public bool Documents(Exception exception) => Refuses.Contains(exception.GetType());

    public override string ToString() => Name;
}
