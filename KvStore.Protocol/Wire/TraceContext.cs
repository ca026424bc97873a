namespace KvStore.Protocol.Wire;

/// <summary>
/// The W3C trace context of a request (https://www.w3.org/TR/trace-context/): 16 bytes of trace id and 8 of parent span id, in the order in
/// which their hexadecimal text shows them, and one byte of trace flags.
/// </summary>
public readonly record struct TraceContext(UInt128 TraceId, ulong SpanId, byte Flags)
{
    public const int Size = 16 + 8 + 1;

    /// <summary>An all-zero trace id is invalid in W3C's terms: it stands for "no trace".</summary>
    public bool IsNone => TraceId == UInt128.Zero;
}
