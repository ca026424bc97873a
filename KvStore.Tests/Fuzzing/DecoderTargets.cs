using KvStore.Tests.Fuzzing.Targets;

namespace KvStore.Tests.Fuzzing;

/// <summary>Everything that is attacked.</summary>
internal static class DecoderTargets
{
    public static IReadOnlyList<IDecoderTarget> All { get; } =
    [
        .. FrameTargets.All,
        .. MessageTargets.All,
        .. PeerTargets.All,
        .. SmallFileTargets.All,
        .. BlockTargets.All,
        .. TableTargets.All,
        .. StoreTargets.All,
        .. LogTargets.All,
        .. SnapshotTargets.All,
        .. NodeTargets.All,
        .. DaemonTargets.All,
    ];
}
