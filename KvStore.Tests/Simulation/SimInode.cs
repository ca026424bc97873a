using KvStore.Core.Primitives;

namespace KvStore.Tests.Simulation;

/// <summary>The content of a file of a <see cref="SimDisk"/>: what is on the disk, what was written since, and the sum of both.</summary>
internal sealed class SimInode
{
    private const int SectorBytes = 512;
    private readonly List<(long Offset, byte[] Bytes)> _unsynced = [];
    private byte[] _current = [];
    private byte[] _synced = [];
    private long _syncedLength;

    public long Length { get; private set; }

    public byte[] Content() => _current[..(int)Length];

    public int Read(long offset, Span<byte> buffer)
    {
        var count = (int)Math.Clamp(Length - offset, 0, buffer.Length);
        _current.AsSpan((int)Math.Min(offset, Length), count).CopyTo(buffer);
        return count;
    }

    public void Write(long offset, ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty) return;
        Reserve(ref _current, offset + bytes.Length);
        bytes.CopyTo(_current.AsSpan((int)offset));
        Length = Math.Max(Length, offset + bytes.Length);
        _unsynced.Add((offset, bytes.ToArray()));
    }

    public void SetLength(long length)
    {
        if (length < Length) Write(length, new byte[Length - length]);
        Reserve(ref _current, length);
        Length = length;
    }

    public void Sync()
    {
        Reserve(ref _synced, Length);
        foreach (var (offset, bytes) in _unsynced) Put(_synced, offset, bytes);
        _unsynced.Clear();
        _syncedLength = Length;
    }

    public void FailSync(Prng random)
    {
        Reserve(ref _synced, Length);
        foreach (var (offset, bytes) in _unsynced)
            if (random.Chance(1, 2)) Put(_synced, offset, bytes);
        _unsynced.Clear();
        if (random.Chance(1, 2)) _syncedLength = Length;
    }

    public void FlipBit(long offset, int bit)
    {
        _current[offset] ^= (byte)(1 << bit);
        if (offset < _synced.Length) _synced[offset] ^= (byte)(1 << bit);
    }

    public SimInode Copy()
    {
        var copy = new SimInode();
        copy.SetLength(Length);
        copy.Write(0, Content());
        copy.Sync();
        return copy;
    }

    public SimInode AfterCrash(Prng random)
    {
        var after = new SimInode();
        var length = SurvivingLength(random);
        var disk = new byte[Math.Max(Math.Max(length, Length), _syncedLength)];
        _synced.AsSpan(0, (int)Math.Min(_synced.Length, _syncedLength)).CopyTo(disk);
        foreach (var sector in TouchedSectors()) LeaveSector(disk, sector, random);
        after.Write(0, disk.AsSpan(0, (int)length));
        after.SetLength(length);
        after.Sync();
        return after;
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
    private void LeaveSector(byte[] disk, long sector, Prng random)
    {
        var from = sector * SectorBytes;
        var writes = _unsynced.Where(write => write.Offset < from + SectorBytes && write.Offset + write.Bytes.Length > from).ToList();
        foreach (var (offset, bytes) in writes.Take(random.Next(writes.Count + 1)))
        {
            var start = Math.Max(offset, from);
            var end = Math.Min(Math.Min(offset + bytes.Length, from + SectorBytes), disk.Length);
            if (end > start) bytes.AsSpan((int)(start - offset), (int)(end - start)).CopyTo(disk.AsSpan((int)start));
        }
    }

    private static void Put(byte[] target, long offset, byte[] bytes)
    {
        var count = (int)Math.Clamp(target.Length - offset, 0, bytes.Length);
        bytes.AsSpan(0, count).CopyTo(target.AsSpan((int)offset));
    }

    private static void Reserve(ref byte[] bytes, long length)
    {
        if (length > bytes.Length) Array.Resize(ref bytes, (int)Math.Max(length, 2L * bytes.Length));
    }
}
