using KvStore.Core.Primitives;

namespace KvStore.Core.Node;

/// <summary>A node that did not take part, and why.</summary>
public readonly record struct MissingNode(string Node, string Reason);

/// <summary>An error as the coordinator knows it, before it is put into words.</summary>
/// <param name="Unknown">The write may have taken effect, or still may; else it has none and never will (or it was no write).</param>
/// <param name="Leader">Where the sender should ask instead, if that is known.</param>
/// <param name="Current">For a failed condition, the record's revision.</param>
public readonly record struct KnownError(
    ErrorCode Code, bool Unknown, string? Detail, IReadOnlyList<MissingNode> Missing, NodeId Leader, Revision Current)
{
    /// <summary>Refused, without effect.</summary>
    public static KnownError Of(ErrorCode code, string? detail = null, IReadOnlyList<MissingNode>? missing = null) =>
        new(code, false, detail, missing ?? [], default, Revision.None);

    /// <summary>No verdict: it may be in effect, or come to be.</summary>
    public static KnownError MayBeApplied(ErrorCode code, string detail) => new(code, true, detail, [], default, Revision.None);

    public static KnownError NotPrimary(NodeId leader) => new(ErrorCode.NotPrimary, false, null, [], leader, Revision.None);

    public static KnownError ConditionFailed(Revision current) => new(ErrorCode.ConditionFailed, false, null, [], default, current);
}
