using KvStore.Core.Io;
using KvStore.Core.Primitives;

namespace KvStore.Core.Storage.Manifest;

/// <summary>
/// The append-only file of edits (docs/storage-format.md, 'Manifest'). Each edit is synced before the next is written, and before anyone
/// relies on it. Every opening begins a new file with the whole state. One owner at a time.
/// </summary>
internal sealed class ManifestLog : IDisposable
{
    /// <summary>So much is reserved behind the end, so that a full disk does not keep the engine from saying what it deleted.</summary>
    private const long ReservedBytes = 1 << 20;

    private readonly IFile _file;
    private long _bytes;
    private long _durableBytes;
    private long _reservedThrough;
    private ulong _records;

    private ManifestLog(IFile file, ulong number)
    {
        _file = file;
        Number = number;
    }

    public ulong Number { get; }

    public long Bytes => _bytes;

    /// <summary>Size of the first record, which holds the whole state as it was then.</summary>
    public long InitialBytes { get; private set; }

    public static string FileName(ulong number) => $"MANIFEST-{number:D6}";

    /// <summary>Begins a new manifest with a state and makes it the current one.</summary>
    public static ManifestLog Create(IFileSystem fs, string directory, ulong number, ManifestState state)
    {
        var path = Path.Combine(directory, FileName(number));
        if (fs.FileExists(path)) fs.Delete(path);
        var log = new ManifestLog(fs.Open(path, FileOpenMode.CreateNew), number);
        try
        {
            log.Reserve();
            log.Append(state.AsEdit());
            log.InitialBytes = log.Bytes;
            fs.SyncDirectory(directory);
            CurrentFile.Write(fs, directory, number);
            return log;
        }
        catch
        {
            log.Dispose();
            throw;
        }
    }

    /// <summary>Reads a manifest's state. A last record that was never synced is cut; anything else that is broken is damage.</summary>
    /// <exception cref="CorruptionException">The manifest is damaged: what is applied is not known any more.</exception>
    public static ManifestState Read(IFileSystem fs, string directory, ulong number)
    {
        var path = Path.Combine(directory, FileName(number));
        if (!fs.FileExists(path)) throw new CorruptionException(path, 0, "the manifest is missing");
        var bytes = ReadAll(fs, path);
        var state = new ManifestState();
        var at = 0;
        ulong records = 0;
        while (at < bytes.Length && ManifestRecord.TryRead(bytes.AsSpan(at), number, out var record, out var payload) && record.Number == records)
        {
            Apply(state, record, payload, path, at);
            at += record.PaddedBytes;
            records++;
        }

        if (records == 0) throw new CorruptionException(path, 0, "no valid first record");
        CheckTail(bytes, at, number, path);
        try
        {
            state.Check();
        }
        catch (FormatException e)
        {
            throw new CorruptionException(path, 0, e.Message);
        }

        return state;
    }

    /// <summary>Writes and syncs an edit. If it throws, nothing more may be written: it is not known what the file holds.</summary>
    public void Append(VersionEdit edit)
    {
        Write(ManifestRecordKind.Edit, VersionEditCodec.Encode(edit));
        _file.DataSync();
        _durableBytes = _bytes;

        // Not synced: if the record before it should turn out broken, this one proves that it was once whole.
        Write(ManifestRecordKind.Mark, []);
        if (_reservedThrough - _bytes < ReservedBytes / 2) Reserve();
    }

    /// <summary>Makes the last mark durable, so that even the last edit cannot be taken for one that was never synced.</summary>
    public void SyncMark() => _file.DataSync();

    public void Dispose() => _file.Dispose();

    private void Reserve()
    {
        try
        {
            _file.Allocate(_bytes + ReservedBytes);
            _reservedThrough = _bytes + ReservedBytes;
        }
        catch (DiskException e) when (e.IsDiskFull)
        {
            // What is reserved must do until there is space again; the next edit tries once more. A start on a full disk needs no more
            // room than it writes.
        }
    }

    private void Write(ManifestRecordKind kind, ReadOnlySpan<byte> payload)
    {
        var bytes = ManifestRecord.Write(kind, _records, _durableBytes, payload, Number);
        _file.Write(_bytes, bytes);
        _bytes += bytes.Length;
        _records++;
    }

    private static void Apply(ManifestState state, in ManifestRecord record, ReadOnlySpan<byte> payload, string path, int at)
    {
        if (record.Kind == ManifestRecordKind.Mark) return;
        try
        {
            if (record.Kind != ManifestRecordKind.Edit) throw new FormatException($"a record of unknown kind {record.Kind}");
            state.Apply(VersionEditCodec.Decode(payload));
        }
        catch (Exception e) when (e is FormatException or OverflowException)
        {
            throw new CorruptionException(path, at, e.Message);
        }
    }

    /// <summary>
    /// What is invalid was once durable if any later record says so. A later valid record alone proves nothing: sectors that were not
    /// synced persist in any order.
    /// </summary>
    private static void CheckTail(byte[] bytes, int at, ulong number, string path)
    {
        for (var later = at + ManifestRecord.Alignment; later < bytes.Length; later += ManifestRecord.Alignment)
        {
            if (ManifestRecord.TryRead(bytes.AsSpan(later), number, out var record, out _) && record.DurableBytes > at)
                throw new CorruptionException(path, at, $"a record that the one at {later} knows to be durable is broken");
        }
    }

    private static byte[] ReadAll(IFileSystem fs, string path)
    {
        using var file = fs.Open(path, FileOpenMode.Read);
        var bytes = new byte[checked((int)file.Length)];
        return file.Read(0, bytes) == bytes.Length ? bytes : throw new CorruptionException(path, 0, "shorter than its length");
    }
}
