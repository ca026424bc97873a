using KvStore.Core.Primitives;

namespace KvStore.Tests.Simulation;

/// <summary>The content of a file of a <see cref="SimDisk"/>: what is on the disk, what was written since, and the sum of both.</summary>
internal sealed class SimInode
{
    private const int SectorBytes = 512;
    private readonly List<(long Offset, byte[] Bytes)> _unsynced = [];
    private SparseBytes _current = new();
    private SparseBytes _synced = new();
    private long _syncedLength;

    public long Length { get; private set; }

    public byte[] Content()
    {
        var content = new byte[Length];
        _current.Read(0, content);
        return content;
    }

    public int Read(long offset, Span<byte> buffer)
    {
        var count = (int)Math.Clamp(Length - offset, 0, buffer.Length);
        _current.Read(offset, buffer[..count]);
        return count;
    }

    public void Write(long offset, ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty) return;
        _current.Write(offset, bytes);
        Length = Math.Max(Length, offset + bytes.Length);
        _unsynced.Add((offset, bytes.ToArray()));
    }

    public void SetLength(long length)
    {
        if (length < Length) Write(length, new byte[Length - length]);
        Length = length;
    }

    public void Sync()
    {
        foreach (var (offset, bytes) in _unsynced) _synced.Write(offset, bytes);
        _unsynced.Clear();
        _syncedLength = Length;
    }

    public void FailSync(Prng random)
    {
        foreach (var (offset, bytes) in _unsynced)
            if (random.Chance(1, 2)) _synced.Write(offset, bytes);
        _unsynced.Clear();
        if (random.Chance(1, 2)) _syncedLength = Length;
    }

    public void FlipBit(long offset, int bit)
    {
        _current.FlipBit(offset, bit);
        _synced.FlipBit(offset, bit);
    }

    public SimInode Copy() => new() { _current = _current.Copy(), _synced = _current.Copy(), Length = Length, _syncedLength = Length };

    public SimInode AfterCrash(Prng random)
    {
        var length = SurvivingLength(random);
        var disk = _synced.Copy();
        disk.ClearFrom(_syncedLength);
        foreach (var sector in TouchedSectors()) LeaveSector(disk, sector, random);
        disk.ClearFrom(length);
        return new SimInode { _current = disk, _synced = disk.Copy(), Length = length, _syncedLength = length };
    }

    private long SurvivingLength(Prng random)
    {
        if (Length == _syncedLength) return Length;
        var (low, high) = (Math.Min(Length, _syncedLength), Math.Max(Length, _syncedLength));
        return random.Next(3) switch { 0 => _syncedLength, 1 => Length, _ => low + (long)(random.NextUInt64() % (ulong)(high - low + 1)) };
    }

    private IEnumerable<long> TouchedSectors()
    {
        var sectors = new SortedSet<long>();
        foreach (var (offset, bytes) in _unsynced)
            for (var sector = offset / SectorBytes; sector <= (offset + bytes.Length - 1) / SectorBytes; sector++) sectors.Add(sector);
        return sectors;
    }

    /// <summary>The sector as it was after some number of the writes that touched it.</summary>
    private void LeaveSector(SparseBytes disk, long sector, Prng random)
    {
        var from = sector * SectorBytes;
        var writes = _unsynced.Where(write => write.Offset < from + SectorBytes && write.Offset + write.Bytes.Length > from).ToList();
        foreach (var (offset, bytes) in writes.Take(random.Next(writes.Count + 1)))
        {
            var start = Math.Max(offset, from);
            var end = Math.Min(offset + bytes.Length, from + SectorBytes);
            disk.Write(start, bytes.AsSpan((int)(start - offset), (int)(end - start)));
        }
    }
}
