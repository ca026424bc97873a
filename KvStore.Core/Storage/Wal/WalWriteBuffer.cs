using KvStore.Core.Primitives;

namespace KvStore.Core.Storage.Wal;

/// <summary>
/// Gathers encoded records for one <see cref="WriteAheadLog.Submit"/>. Owned by one shard and used again and again; not thread-safe.
/// What is in one buffer becomes durable as a whole or not at all.
/// </summary>
public sealed class WalWriteBuffer
{
    private const int InitialBytes = 16 * 1024;
    private const int KeptBytes = 1 << 20;
    private byte[] _bytes = new byte[InitialBytes];

    /// <summary>Records in the buffer.</summary>
    public int Count { get; private set; }

    /// <summary>Their encoded size.</summary>
    public int Bytes { get; private set; }

    internal ReadOnlySpan<byte> Encoded => _bytes.AsSpan(0, Bytes);

    /// <summary>Adds a log entry and returns its ordinal in this buffer, which is the position of its address in what Submit fills.</summary>
    public int AddEntry(PartitionId partition, Term term, LogIndex index, ReadOnlySpan<byte> payload)
    {
        var record = Reserve(checked(RecordHeader.EntryPrefixBytes + payload.Length));
        RecordPayload.SetNumber(record[RecordHeader.Bytes..], 0, term.Value);
        RecordPayload.SetNumber(record[RecordHeader.Bytes..], 1, index.Value);
        payload.CopyTo(record[(RecordHeader.Bytes + RecordHeader.EntryPrefixBytes)..]);
        return Complete(record, WalRecordType.Entry, partition);
    }

    public int AddHardState(PartitionId partition, HardStateRecord state)
    {
        var record = Reserve(24);
        RecordPayload.SetNumber(record[RecordHeader.Bytes..], 0, state.Term.Value);
        RecordPayload.SetNumber(record[RecordHeader.Bytes..], 1, state.Vote);
        RecordPayload.SetNumber(record[RecordHeader.Bytes..], 2, state.Commit.Value);
        return Complete(record, WalRecordType.HardState, partition);
    }

    /// <summary>The entry at <paramref name="from"/> and all later ones are gone.</summary>
    public int AddTruncate(PartitionId partition, LogIndex from) => AddNumbers(WalRecordType.Truncate, partition, from.Value);

    /// <summary>
    /// The partition's state is now that of a snapshot at (index, term), durable in the storage engine, and its log goes on after it;
    /// all entries that the log held are gone.
    /// </summary>
    public int AddAppliedSnapshot(PartitionId partition, LogIndex index, Term term) =>
        AddNumbers(WalRecordType.AppliedSnapshot, partition, index.Value, term.Value);

    /// <summary>The partition's detached writes up to <paramref name="through"/> need not be kept any more.</summary>
    public int AddDetachedRelease(PartitionId partition, Lsn through) => AddNumbers(WalRecordType.DetachedRelease, partition, through.Value);

    /// <summary>The node's clock will not pass <paramref name="hlcTicks"/> before a higher ceiling is durable. Belongs to no partition.</summary>
    public int AddHlcCeiling(ulong hlcTicks) => AddNumbers(WalRecordType.HlcCeiling, default, hlcTicks);

    /// <summary>Adds a record whose payload is the caller's matter.</summary>
    /// <exception cref="ArgumentException">The payload is shorter than the type's least.</exception>
    public int Add(WalRecordType type, PartitionId partition, ReadOnlySpan<byte> payload)
    {
        if (payload.Length < RecordPayload.MinimumBytes(type)) throw new ArgumentException($"a {type} record needs {RecordPayload.MinimumBytes(type)} bytes", nameof(payload));
        var record = Reserve(payload.Length);
        payload.CopyTo(record[RecordHeader.Bytes..]);
        return Complete(record, type, partition);
    }

    /// <summary>Forgets what was added. Submit does this itself.</summary>
    public void Clear()
    {
        Count = Bytes = 0;
        if (_bytes.Length > KeptBytes) _bytes = new byte[InitialBytes];
    }

    private int AddNumbers(WalRecordType type, PartitionId partition, params ReadOnlySpan<ulong> numbers)
    {
        var record = Reserve(8 * numbers.Length);
        for (var i = 0; i < numbers.Length; i++) RecordPayload.SetNumber(record[RecordHeader.Bytes..], i, numbers[i]);
        return Complete(record, type, partition);
    }

    private Span<byte> Reserve(int payloadBytes)
    {
        var size = checked(RecordHeader.Bytes + payloadBytes);
        var needed = checked(Bytes + size);
        if (needed > _bytes.Length) Array.Resize(ref _bytes, (int)Math.Min(Array.MaxLength, Math.Max(needed, 2L * _bytes.Length)));
        return _bytes.AsSpan(Bytes, size);
    }

    private int Complete(Span<byte> record, WalRecordType type, PartitionId partition)
    {
        RecordHeader.Write(record, type, partition);
        Bytes += record.Length;
        return Count++;
    }
}
