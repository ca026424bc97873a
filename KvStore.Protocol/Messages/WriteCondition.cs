using KvStore.Protocol.Wire;

namespace KvStore.Protocol.Messages;

/// <summary>What must hold of the present record for a strong write to take effect.</summary>
public enum ConditionKind : byte
{
    None = 0,

    /// <summary>There is no record.</summary>
    IfAbsent = 1,

    /// <summary>The record's version is this one; its timestamp does not matter.</summary>
    IfVersion = 2,

    /// <summary>The record's revision is this one.</summary>
    IfRevision = 3,
}

/// <summary>A condition and what it compares with. On the wire behind the operation's head: nothing, nothing, u64 term + u64 index, or a revision.</summary>
public readonly record struct WriteCondition(ConditionKind Kind, WireRevision Revision)
{
    public static readonly WriteCondition None;

    public static WriteCondition IfAbsent => new(ConditionKind.IfAbsent, WireRevision.None);

    public static WriteCondition IfVersion(ulong term, ulong index) => new(ConditionKind.IfVersion, new WireRevision(term, index, 0, 0));

    public static WriteCondition IfRevision(WireRevision revision) => new(ConditionKind.IfRevision, revision);

    internal static WriteCondition Read(ConditionKind kind, ref WireReader reader) => kind switch
    {
        ConditionKind.None => None,
        ConditionKind.IfAbsent => IfAbsent,
        ConditionKind.IfVersion => IfVersion(reader.ReadUInt64(), reader.ReadUInt64()),
        ConditionKind.IfRevision => IfRevision(WireRevision.Read(ref reader)),
        _ => throw new WireException(WireError.Malformed, $"{(byte)kind} is no condition"),
    };

    internal void Write(ref WireWriter writer)
    {
        if (Kind == ConditionKind.IfRevision) Revision.Write(ref writer);
        if (Kind != ConditionKind.IfVersion) return;
        writer.UInt64(Revision.Term);
        writer.UInt64(Revision.Index);
    }
}
