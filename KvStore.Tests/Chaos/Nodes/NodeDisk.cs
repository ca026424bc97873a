namespace KvStore.Tests.Chaos.Nodes;

/// <summary>
/// A small ext4 filesystem of a node's own, on a loop device: fdatasync is real, and filling it troubles nobody else. It is unmounted with the
/// mount namespace of the run at the latest.
/// </summary>
internal sealed class NodeDisk : IDisposable
{
    /// <summary>What kvd keeps in reserve is a part of this.</summary>
    private const long SizeBytes = 1L << 30;

    /// <summary>The filesystem's own bookkeeping for a large file.</summary>
    private const long OverheadBytes = 1 << 20;

    private const int FillTries = 10;

    private readonly string _image;
    private readonly string _mount;
    private readonly string _filler;
    private readonly Lock _gate = new();
    private int _fills;

    public NodeDisk(string directory, string name)
    {
        _image = Path.Combine(directory, $"{name}.img");
        _mount = Path.Combine(directory, name);
        _filler = Path.Combine(_mount, "filler");
        using (var image = new FileStream(_image, FileMode.CreateNew)) image.SetLength(SizeBytes);
        SystemTool.Run("mkfs.ext4", "-q", "-m", "0", "-E", "lazy_itable_init=0,lazy_journal_init=0", _image);
        Directory.CreateDirectory(_mount);
        SystemTool.Run("mount", "-o", "loop", _image, _mount);
    }

    public string DataDirectory => Path.Combine(_mount, "data");

    /// <summary>Takes what is free but so many bytes, until <see cref="Free"/> has been called as often.</summary>
    public void Fill(long leaveBytes)
    {
        lock (_gate)
        {
            if (_fills++ == 0) TakeAllBut(leaveBytes + OverheadBytes);
        }
    }

    public void Free()
    {
        lock (_gate)
            if (--_fills == 0) File.Delete(_filler);
    }

    private void TakeAllBut(long leaveBytes)
    {
        for (var tries = 0; tries < FillTries; tries++)
        {
            var bytes = new DriveInfo(_mount).AvailableFreeSpace - leaveBytes;
            if (bytes <= 0) return;
            try
            {
                File.OpenHandle(_filler, FileMode.Create, FileAccess.Write, preallocationSize: bytes).Dispose();
                return;
            }
            catch (IOException) when (tries + 1 < FillTries)
            {
                // The node has taken some of it meanwhile.
            }
        }
    }

    public void Dispose() => SystemTool.Run("umount", "-l", _mount);
}
