using System.Buffers;
using KvStore.Core.Primitives;
using KvStore.Core.Storage.Iteration;

namespace KvStore.Core.Storage;

/// <summary>A consistent snapshot of a partition, read chunk by chunk: every record that is stored, tombstones included. One owner at a time.</summary>
public sealed class PartitionExport : IDisposable
{
    private readonly View _view;
    private readonly RecordCursor _cursor;
    private readonly ArrayBufferWriter<byte> _chunk = new();
    private uint _number;
    private bool _ended;
    private bool _disposed;

    /// <summary>Takes over the reference to the View.</summary>
    internal PartitionExport(View view, RecordCursor cursor, AppliedState state, byte[] configuration)
    {
        _view = view;
        _cursor = cursor;
        State = state;
        Configuration = configuration;
    }

    /// <summary>The records are those that entries up to here left.</summary>
    public AppliedState State { get; }

    public byte[] Configuration { get; }

    public LogIndex Floor => _view.Floor;

    /// <summary>
    /// Appends the next chunk: one record at least, if one is left, and about <paramref name="maxBytes"/> at most. False if this was the
    /// last; an empty partition has one chunk too.
    /// </summary>
    /// <exception cref="Io.CorruptionException">A table is damaged: the export cannot go on.</exception>
    public bool Read(IBufferWriter<byte> chunk, int maxBytes)
    {
        ArgumentNullException.ThrowIfNull(chunk);
        Invariant.Check(!_ended && !_disposed);
        _chunk.ResetWrittenCount();
        _chunk.GetSpan(SnapshotChunk.HeaderBytes);
        _chunk.Advance(SnapshotChunk.HeaderBytes);
        while (_cursor.IsValid && (_chunk.WrittenCount == SnapshotChunk.HeaderBytes || _chunk.WrittenCount + _cursor.Value.Length <= maxBytes))
        {
            SnapshotChunk.AppendRecord(_chunk, _cursor);
            _cursor.Next();
        }

        _ended = !_cursor.IsValid;
        var target = chunk.GetSpan(_chunk.WrittenCount);
        _chunk.WrittenSpan.CopyTo(target);
        SnapshotChunk.Seal(target[.._chunk.WrittenCount], _number++, _ended, Floor);
        chunk.Advance(_chunk.WrittenCount);
        return !_ended;
    }

    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _cursor.Dispose();
        _view.Release();
    }
}
