using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace KvStore.Core.Primitives;

/// <summary>
/// CRC-32C (Castagnoli; RFC 3720, appendix B.4): polynomial 0x1EDC6F41, reflected, initial value and final XOR all ones.
/// Uses the processor's instruction where there is one.
/// </summary>
public static class Crc32C
{
    private static readonly uint[] Table = BuildTable();

    /// <summary>The checksum of <paramref name="bytes"/>.</summary>
    public static uint Of(ReadOnlySpan<byte> bytes) => Append(0, bytes);

    /// <summary>The checksum of what <paramref name="crc"/> covers followed by <paramref name="bytes"/>; 0 covers nothing.</summary>
    public static uint Append(uint crc, ReadOnlySpan<byte> bytes)
    {
        if (Sse42.X64.IsSupported) return ~AppendSse42(~crc, bytes);
        if (Crc32.Arm64.IsSupported) return ~AppendArm(~crc, bytes);
        return AppendSoftware(crc, bytes);
    }

    /// <summary>As <see cref="Append(uint, ReadOnlySpan{byte})"/> with the eight little-endian bytes of a number.</summary>
    public static uint Append(uint crc, ulong value)
    {
        if (Sse42.X64.IsSupported) return ~(uint)Sse42.X64.Crc32(~crc, value);
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        BitConverter.TryWriteBytes(bytes, value);
        return Append(crc, bytes);
    }

    /// <summary>One table lookup per byte; for processors without the instruction, and to check the others.</summary>
    internal static uint AppendSoftware(uint crc, ReadOnlySpan<byte> bytes)
    {
        crc = ~crc;
        foreach (var b in bytes) crc = Table[(byte)(crc ^ b)] ^ (crc >> 8);
        return ~crc;
    }

    private static uint AppendSse42(uint crc, ReadOnlySpan<byte> bytes)
    {
        ulong wide = crc;
        ref var at = ref MemoryMarshal.GetReference(bytes);
        var length = bytes.Length;
        var i = 0;
        for (; i <= length - 8; i += 8) wide = Sse42.X64.Crc32(wide, Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref at, i)));
        crc = (uint)wide;
        for (; i < length; i++) crc = Sse42.Crc32(crc, Unsafe.Add(ref at, i));
        return crc;
    }

    private static uint AppendArm(uint crc, ReadOnlySpan<byte> bytes)
    {
        ref var at = ref MemoryMarshal.GetReference(bytes);
        var i = 0;
        for (; i <= bytes.Length - 8; i += 8) crc = Crc32.Arm64.ComputeCrc32C(crc, Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref at, i)));
        for (; i < bytes.Length; i++) crc = Crc32.ComputeCrc32C(crc, Unsafe.Add(ref at, i));
        return crc;
    }

    private static uint[] BuildTable()
    {
        var table = new uint[256];
        for (uint n = 0; n < 256; n++)
        {
            var c = n;
            for (var k = 0; k < 8; k++) c = (c & 1) != 0 ? 0x82F63B78 ^ (c >> 1) : c >> 1;
            table[n] = c;
        }

        return table;
    }
}
