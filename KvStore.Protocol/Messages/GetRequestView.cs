using KvStore.Protocol.Wire;

namespace KvStore.Protocol.Messages;

/// <summary>One key of a get as it lies in the frame.</summary>
public readonly ref struct GetKeyView
{
    public required ReadOnlySpan<byte> Key { get; init; }

    /// <summary><see cref="WireRevision.None"/> = any state will do.</summary>
    public required WireRevision AtLeast { get; init; }
}

/// <summary>A get request read in place; valid as long as the body. The layout is at <see cref="GetRequest"/>.</summary>
public readonly ref struct GetRequestView
{
    private readonly ReadOnlySpan<byte> _keys;

    private GetRequestView(ReadConsistency consistency, int count, ReadOnlySpan<byte> keys)
    {
        Consistency = consistency;
        Count = count;
        _keys = keys;
    }

    public ReadConsistency Consistency { get; }

    public int Count { get; }

    /// <summary>The first key: of most requests the only one.</summary>
    public GetKeyView First
    {
        get
        {
            var reader = new WireReader(_keys);
            return ReadKey(ref reader);
        }
    }

    /// <exception cref="WireException">Truncated or malformed. Limits are not judged here: see <see cref="Check"/>.</exception>
    public static GetRequestView Decode(ReadOnlySpan<byte> body)
    {
        var reader = new WireReader(body);
        var consistency = reader.ReadReadConsistency();
        reader.ReadUInt8();
        var count = reader.ReadCount(GetRequest.KeyMinSize);
        if (count == 0) throw new WireException(WireError.Malformed, "a get without a key");
        var start = reader.Position;
        for (var i = 0; i < count; i++) ReadKey(ref reader);
        return new GetRequestView(consistency, count, body[start..reader.Position]);
    }

    /// <summary>Judges the request by the contract's limits.</summary>
    /// <returns><see cref="KvError.None"/>, <see cref="KvError.TooLarge"/> or <see cref="KvError.InvalidRequest"/>.</returns>
    public KvError Check(out string message)
    {
        message = "";
        if (Count > Limits.GetKeys)
        {
            message = $"{Count} keys are more than {Limits.GetKeys}";
            return KvError.TooLarge;
        }

        foreach (var key in this)
        {
            if (key.Key.Length is > 0 and <= Limits.KeyBytes) continue;
            message = key.Key.Length == 0 ? "a key has at least one byte" : $"a key of {key.Key.Length} bytes is longer than {Limits.KeyBytes}";
            return key.Key.Length == 0 ? KvError.InvalidRequest : KvError.TooLarge;
        }

        return KvError.None;
    }

    public Enumerator GetEnumerator() => new(_keys, Count);

    private static GetKeyView ReadKey(scoped ref WireReader reader)
    {
        var length = reader.ReadUInt16();
        var atLeast = reader.ReadBool() ? WireRevision.Read(ref reader) : WireRevision.None;
        return new GetKeyView { AtLeast = atLeast, Key = reader.ReadBytes(length) };
    }

    /// <summary>Walks the keys.</summary>
    public ref struct Enumerator
    {
        private WireReader _reader;
        private int _left;

        internal Enumerator(ReadOnlySpan<byte> keys, int count)
        {
            _reader = new WireReader(keys);
            _left = count;
        }

        public GetKeyView Current { get; private set; }

        public bool MoveNext()
        {
            if (_left == 0) return false;
            _left--;
            Current = ReadKey(ref _reader);
            return true;
        }
    }
}
