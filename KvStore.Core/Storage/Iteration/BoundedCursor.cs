using KvStore.Core.Primitives;

namespace KvStore.Core.Storage.Iteration;

/// <summary>Another cursor up to a key, exclusive. Owns it.</summary>
internal sealed class BoundedCursor(RecordCursor inner, byte[] end) : RecordCursor
{
    private bool _isValid;

    public override bool IsValid => _isValid;

    public override ReadOnlySpan<byte> Key => inner.Key;

    public override LogIndex Index => inner.Index;

    public override RecordInfo Info => inner.Info;

    public override ReadOnlySpan<byte> Value => inner.Value;

    public override void Seek(ReadOnlySpan<byte> key)
    {
        inner.Seek(key);
        Check();
    }

    public override void Next()
    {
        inner.Next();
        Check();
    }

    public override void Dispose() => inner.Dispose();

    private void Check() => _isValid = inner.IsValid && inner.Key.SequenceCompareTo(end) < 0;
}
