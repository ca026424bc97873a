using System.Globalization;
using KvStore.Protocol.Wire;

namespace KvStore.Protocol.Messages;

/// <summary>
/// What identifies one state of a record: its version (term and index in its partition's log) and its hybrid timestamp (milliseconds since the
/// Unix epoch in the upper 48 bits of <paramref name="Ticks"/>, a counter in the lower 16; the node breaks ties). Opaque to users, whose text
/// form is <c>term.index@wallms.logical.nID</c>. On the wire: u64 term, u64 index, u64 ticks, u16 node. All zero is "no revision".
/// </summary>
public readonly record struct WireRevision(ulong Term, ulong Index, ulong Ticks, ushort Node)
{
    public const int Size = 26;

    public static readonly WireRevision None;

    public bool IsNone => Index == 0 && Ticks == 0;

    /// <summary>Milliseconds since the Unix epoch.</summary>
    public long WallMs => (long)(Ticks >> 16);

    public ushort Logical => (ushort)Ticks;

    /// <summary>The short form <c>term.index</c>.</summary>
    public string VersionText => string.Create(CultureInfo.InvariantCulture, $"{Term}.{Index}");

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Term}.{Index}@{WallMs}.{Logical}.n{Node}");

    /// <summary>Reads the text form. Nothing but exactly that form is accepted.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out WireRevision revision)
    {
        revision = default;
        var at = text.IndexOf('@');
        if (at < 0 || !TryParseVersion(text[..at], out var term, out var index)) return false;
        var timestamp = text[(at + 1)..];
        if (!TryCut(ref timestamp, out var wallMs) || wallMs >= 1UL << 48) return false;
        if (!TryCut(ref timestamp, out var logical) || logical > ushort.MaxValue) return false;
        if (timestamp.Length < 2 || timestamp[0] != 'n' || !TryNumber(timestamp[1..], out var node) || node > ushort.MaxValue) return false;
        revision = new WireRevision(term, index, (wallMs << 16) | logical, (ushort)node);
        return true;
    }

    /// <summary>Reads the short form <c>term.index</c>.</summary>
    public static bool TryParseVersion(ReadOnlySpan<char> text, out ulong term, out ulong index)
    {
        index = 0;
        return TryCut(ref text, out term) && TryNumber(text, out index);
    }

    /// <exception cref="FormatException">Not of the form <c>term.index@wallms.logical.nID</c>.</exception>
    public static WireRevision Parse(ReadOnlySpan<char> text) =>
        TryParse(text, out var revision) ? revision : throw new FormatException($"'{text}' is no revision (term.index@wallms.logical.nID)");

    internal static WireRevision Read(ref WireReader reader) =>
        new(reader.ReadUInt64(), reader.ReadUInt64(), reader.ReadUInt64(), reader.ReadUInt16());

    internal void Write(ref WireWriter writer)
    {
        writer.UInt64(Term);
        writer.UInt64(Index);
        writer.UInt64(Ticks);
        writer.UInt16(Node);
    }

    private static bool TryCut(ref ReadOnlySpan<char> text, out ulong number)
    {
        number = 0;
        var dot = text.IndexOf('.');
        if (dot < 0 || !TryNumber(text[..dot], out number)) return false;
        text = text[(dot + 1)..];
        return true;
    }

    private static bool TryNumber(ReadOnlySpan<char> text, out ulong number) =>
        ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
