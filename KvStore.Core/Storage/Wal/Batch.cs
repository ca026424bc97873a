using KvStore.Core.Primitives;

namespace KvStore.Core.Storage.Wal;

/// <summary>A segment that submission has decided to start; the writer opens it when it gets there.</summary>
internal sealed record SegmentPlan(ulong Number, int SegmentBytes, int FirstBatchOffset);

/// <summary>
/// Records on their way to the disk, encoded, with room for the header in front. Its place in the log is fixed before the first record is
/// added. Filled under the submission queue's lock, then owned by the writer until it is returned.
/// </summary>
internal sealed class Batch
{
    private const int InitialBytes = 64 * 1024;
    private byte[] _bytes = new byte[InitialBytes];

    public ulong Segment { get; private set; }

    public int Offset { get; private set; }

    /// <summary>The segment that starts with this batch, if it is the first in one.</summary>
    public SegmentPlan? Opens { get; private set; }

    public Lsn FirstLsn { get; private set; }

    public int Records { get; private set; }

    /// <summary>Header and records, in bytes.</summary>
    public int Length { get; private set; }

    /// <summary>What the batch takes up in the segment: whole pages.</summary>
    public int PaddedLength => WalFormat.AlignUp(Length);

    /// <summary>When the first record was added, on the boot-time clock.</summary>
    public long SinceNs { get; private set; }

    public Lsn LastLsn => new(FirstLsn.Value + (ulong)Records - 1);

    public int Capacity => _bytes.Length;

    public ReadOnlySpan<byte> Body => _bytes.AsSpan(BatchHeader.Bytes, Length - BatchHeader.Bytes);

    public void Place(ulong segment, int offset, Lsn firstLsn, SegmentPlan? opens)
    {
        Segment = segment;
        Offset = offset;
        FirstLsn = firstLsn;
        Opens = opens;
        Records = 0;
        Length = BatchHeader.Bytes;
    }

    /// <summary>Moves an empty batch; its LSN stays.</summary>
    public void Move(ulong segment, int offset, SegmentPlan? opens) => Place(segment, offset, FirstLsn, opens);

    /// <summary>Takes over encoded records, gives them their LSNs and says where each will stand.</summary>
    public void Append(ReadOnlySpan<byte> encoded, int records, Span<WalAddress> addresses, long nowNs)
    {
        if (Records == 0) SinceNs = nowNs;
        EnsureCapacity(WalFormat.AlignUp(Length + encoded.Length));
        encoded.CopyTo(_bytes.AsSpan(Length));
        for (var i = 0; i < records; i++)
        {
            addresses[i] = new WalAddress(Segment, Offset + Length);
            Length += RecordHeader.Stamp(_bytes.AsSpan(Length), new Lsn(FirstLsn.Value + (ulong)(Records + i)));
        }

        Records += records;
    }

    /// <summary>Writes the header and returns all that goes to the disk, padded with zeros to whole pages.</summary>
    public ReadOnlySpan<byte> Seal(ulong epoch, Lsn durable, ulong incarnation)
    {
        var header = new BatchHeader(Segment, epoch, FirstLsn, durable, Records, Offset / WalFormat.PageBytes, Length - BatchHeader.Bytes);
        EnsureCapacity(PaddedLength);
        header.Write(_bytes.AsSpan(0, Length), incarnation);
        _bytes.AsSpan(Length, PaddedLength - Length).Clear();
        return _bytes.AsSpan(0, PaddedLength);
    }

    public bool Holds(WalAddress address) => address.Segment == Segment && address.Offset >= Offset + BatchHeader.Bytes && address.Offset < Offset + Length;

    /// <summary>The batch from the record at an address on.</summary>
    public ReadOnlySpan<byte> From(WalAddress address) => _bytes.AsSpan(0, Length)[(address.Offset - Offset)..];

    private void EnsureCapacity(int bytes)
    {
        if (bytes > _bytes.Length) Array.Resize(ref _bytes, (int)Math.Min(Array.MaxLength, Math.Max(bytes, 2L * _bytes.Length)));
    }
}
