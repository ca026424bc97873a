using KvStore.Protocol.Wire;

namespace KvStore.Protocol.Messages;

/// <summary>One operation as it lies in the frame.</summary>
public readonly ref struct WriteOperationView
{
    public required WriteKind Kind { get; init; }

    public required ReadOnlySpan<byte> Key { get; init; }

    public required ReadOnlySpan<byte> Value { get; init; }

    /// <summary>Milliseconds; 0 = for ever.</summary>
    public required ulong TtlMs { get; init; }

    public required WriteCondition Condition { get; init; }
}

/// <summary>
/// A write request read in place: nothing is copied and nothing allocated. Valid as long as the body it was decoded from. The layout is at
/// <see cref="WriteRequest"/>. <c>foreach</c> gives the operations; the structure of all of them was checked by <see cref="Decode"/>.
/// </summary>
public readonly ref struct WriteRequestView
{
    private readonly ReadOnlySpan<byte> _operations;

    private WriteRequestView(WriteMode mode, bool perPartition, int count, ReadOnlySpan<byte> requestId, ReadOnlySpan<byte> operations)
    {
        Mode = mode;
        PerPartition = perPartition;
        Count = count;
        RequestId = requestId;
        _operations = operations;
    }

    public WriteMode Mode { get; }

    public bool PerPartition { get; }

    public int Count { get; }

    /// <summary>Idempotency id; empty = none.</summary>
    public ReadOnlySpan<byte> RequestId { get; }

    /// <summary>The first operation: of most requests the only one.</summary>
    public WriteOperationView First
    {
        get
        {
            var reader = new WireReader(_operations);
            return ReadOperation(ref reader);
        }
    }

    /// <exception cref="WireException">Truncated or malformed. Limits are not judged here: see <see cref="Check"/>.</exception>
    public static WriteRequestView Decode(ReadOnlySpan<byte> body)
    {
        var reader = new WireReader(body);
        var mode = reader.ReadWriteMode();
        var perPartition = reader.ReadBool();
        var count = reader.ReadCount(WriteRequest.OperationHeadSize);
        if (count == 0) throw new WireException(WireError.Malformed, "a write without an operation");
        var requestId = reader.ReadBytes8();
        var start = reader.Position;
        for (var i = 0; i < count; i++) ReadOperation(ref reader);
        return new WriteRequestView(mode, perPartition, count, requestId, body[start..reader.Position]);
    }

    /// <summary>Judges the request by the contract: limits, and conditions with strong writes only.</summary>
    /// <param name="message">Says what is wrong, for the client.</param>
    /// <returns><see cref="KvError.None"/>, <see cref="KvError.TooLarge"/> or <see cref="KvError.InvalidRequest"/>.</returns>
    public KvError Check(out string message)
    {
        message = "";
        if (Count > Limits.BatchOperations) return TooLarge(out message, $"{Count} operations are more than {Limits.BatchOperations}");
        if (RequestId.Length > Limits.RequestIdBytes) return TooLarge(out message, $"a request id of {RequestId.Length} bytes is longer than {Limits.RequestIdBytes}");
        if (RequestId.Length > 0 && Mode != WriteMode.Strong) return Invalid(out message, "a request id needs a strong write");
        long total = 0;
        foreach (var operation in this)
        {
            if (operation.Key.Length == 0) return Invalid(out message, "a key has at least one byte");
            if (operation.Key.Length > Limits.KeyBytes) return TooLarge(out message, $"a key of {operation.Key.Length} bytes is longer than {Limits.KeyBytes}");
            if (operation.Value.Length > Limits.ValueBytes) return TooLarge(out message, $"a value of {operation.Value.Length} bytes is longer than {Limits.ValueBytes}");
            if (operation.Kind == WriteKind.Delete && (operation.Value.Length > 0 || operation.TtlMs > 0)) return Invalid(out message, "a delete has neither value nor time to live");
            if (operation.Condition.Kind != ConditionKind.None && Mode != WriteMode.Strong) return Invalid(out message, "a condition needs a strong write");
            total += operation.Key.Length + operation.Value.Length;
        }

        return Count > 1 && total > Limits.BatchBytes ? TooLarge(out message, $"a batch of {total} bytes is larger than {Limits.BatchBytes}") : KvError.None;
    }

    public Enumerator GetEnumerator() => new(_operations, Count);

    private static WriteOperationView ReadOperation(scoped ref WireReader reader)
    {
        var kind = reader.ReadUInt8() switch
        {
            1 => WriteKind.Put,
            2 => WriteKind.Delete,
            var other => throw new WireException(WireError.Malformed, $"{other} is no kind of write"),
        };
        var condition = (ConditionKind)reader.ReadUInt8();
        var keyLength = reader.ReadUInt16();
        var valueLength = reader.ReadUInt32();
        var ttlMs = reader.ReadUInt64();
        var operand = WriteCondition.Read(condition, ref reader);
        var key = reader.ReadBytes(keyLength);
        return new WriteOperationView
        {
            Kind = kind,
            Condition = operand,
            TtlMs = ttlMs,
            Key = key,
            Value = reader.ReadBytes(valueLength > int.MaxValue ? int.MaxValue : (int)valueLength),
        };
    }

    private static KvError TooLarge(out string message, string text)
    {
        message = text;
        return KvError.TooLarge;
    }

    private static KvError Invalid(out string message, string text)
    {
        message = text;
        return KvError.InvalidRequest;
    }

    /// <summary>Walks the operations.</summary>
    public ref struct Enumerator
    {
        private WireReader _reader;
        private int _left;

        internal Enumerator(ReadOnlySpan<byte> operations, int count)
        {
            _reader = new WireReader(operations);
            _left = count;
        }

        public WriteOperationView Current { get; private set; }

        public bool MoveNext()
        {
            if (_left == 0) return false;
            _left--;
            Current = ReadOperation(ref _reader);
            return true;
        }
    }
}
