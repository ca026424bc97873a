namespace KvStore.Protocol.Wire;

/// <summary>Versions of the protocol that this build speaks, and the optional features it declares in the handshake.</summary>
public static class ProtocolVersion
{
    public const byte Min = 1;
    public const byte Max = 1;

    /// <summary>The newest version both sides speak, or 0 when there is none.</summary>
    public static byte Choose(byte otherMin, byte otherMax)
    {
        var newest = Math.Min(Max, otherMax);
        return newest >= Math.Max(Min, otherMin) ? newest : (byte)0;
    }
}

/// <summary>Bits of the features field of Hello and HelloAck. Unknown bits are ignored.</summary>
[Flags]
public enum Features : ulong
{
    None = 0,

    /// <summary>The sender of this field accepts frames whose body is LZ4-compressed.</summary>
    AcceptsLz4 = 1,
}
