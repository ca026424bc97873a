using System.Buffers.Text;

namespace KvStore.Daemon.Ctl.Load;

/// <summary>All keys of a load in one array, `bench-0000000042`: nothing is made for each operation.</summary>
internal sealed class KeySpace
{
    private const int KeySize = 16;

    private readonly byte[] _bytes;

    public KeySpace(int keys)
    {
        _bytes = GC.AllocateUninitializedArray<byte>(keys * KeySize);
        for (var i = 0; i < keys; i++)
        {
            var key = _bytes.AsSpan(i * KeySize, KeySize);
            "bench-"u8.CopyTo(key);
            Utf8Formatter.TryFormat(i, key[6..], out _, new System.Buffers.StandardFormat('D', KeySize - 6));
        }
    }

    public ReadOnlyMemory<byte> this[int number] => _bytes.AsMemory(number * KeySize, KeySize);
}
