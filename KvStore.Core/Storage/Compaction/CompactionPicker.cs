using KvStore.Core.Storage.Table;

namespace KvStore.Core.Storage.Compaction;

/// <summary>
/// Decides what to merge next. Looks only at tables that no running job has taken and that are not known to be damaged, and writes nowhere
/// where a running job may write.
/// </summary>
internal sealed class CompactionPicker(StorageOptions options)
{
    /// <summary>With more than this dead, a table is written anew for the space alone.</summary>
    private const double LargestDeadShare = 0.25;

    /// <summary>The most urgent work, or null if nothing needs doing.</summary>
    /// <param name="running">What others are at.</param>
    /// <param name="mostBytes">What is merged may not be larger: there is no space for the result.</param>
    public CompactionPlan? Pick(TableVersion version, IReadOnlyCollection<CompactionPlan> running, long mostBytes)
    {
        var targets = new LevelTargets(version, options.BaseLevelBytes);
        var byScore = Enumerable.Range(0, TableVersion.LevelCount - 1)
            .Select(level => (Level: level, Score: Score(version, level, targets)))
            .Where(entry => entry.Score >= 1)
            .OrderByDescending(entry => entry.Score).ThenBy(entry => entry.Level);
        foreach (var (level, _) in byScore)
        {
            var plan = level == 0 ? PlanLevel0(version, running, targets.BaseLevel) : PlanLevel(version, running, level);
            if (plan is not null && (plan.IsMove || plan.InputBytes <= mostBytes)) return plan;
        }

        return PlanRewrite(version) is { } rewrite && rewrite.InputBytes <= mostBytes ? rewrite : null;
    }

    private double Score(TableVersion version, int level, LevelTargets targets)
    {
        if (level == 0) return (double)version.Level(0).Length / options.Level0CompactionTables;
        long bytes = 0;
        foreach (var table in version.Level(level))
            if (!table.IsBusy) bytes += table.Info.Bytes;
        if (bytes == 0) return 0;
        return targets[level] == 0 ? double.MaxValue : (double)bytes / targets[level];
    }

    /// <summary>
    /// The oldest tables of level 0: they overlap, and an older one may not stay above a newer one. As many as there is data below them to be
    /// merged with, so that it is not written again and again for little; no more, so that level 0 is emptied at a steady pace.
    /// The data goes past the levels that should be empty, unless one of them holds something yet.
    /// </summary>
    private CompactionPlan? PlanLevel0(TableVersion version, IReadOnlyCollection<CompactionPlan> running, int baseLevel)
    {
        var target = 1;
        while (target < baseLevel && version.Level(target).Length == 0) target++;
        var below = version.LevelBytes(target);
        var all = version.Level(0);
        if (all[^1].IsQuarantined) return PlanAway(version, running, all[^1]);
        var first = all.Length;
        for (long bytes = 0; first > 0 && (all.Length - first < options.Level0CompactionTables || bytes < below); first--) bytes += all[first - 1].Info.Bytes;

        // Up to a damaged one, which is the oldest then.
        var upper = all[Math.Max(first, Array.FindLastIndex(all, table => table.IsQuarantined) + 1)..];

        // A damaged table below is not merged with: what is newer comes to lie in a level of its own above it. All of those are empty.
        while (target > 1 && IsOverDamaged(version, upper, target)) target--;
        return Complete(version, running, 0, target, upper);
    }

    private static bool IsOverDamaged(TableVersion version, TableFile[] upper, int target)
    {
        var bare = new CompactionPlan(0, target, upper, []);
        return version.Overlapping(target, bare.Smallest, bare.Largest).Any(table => table.IsQuarantined);
    }

    /// <summary>
    /// A damaged table that has become the oldest of level 0 would hold up everything above it. It goes down as it is, as far as nothing that
    /// it overlaps is in the way: what is said of its keys above stays above, what is said below stays below.
    /// </summary>
    private static CompactionPlan? PlanAway(TableVersion version, IReadOnlyCollection<CompactionPlan> running, TableFile damaged)
    {
        var (smallest, largest) = (damaged.Info.Smallest, damaged.Info.Largest);
        var target = 0;
        while (target + 1 < TableVersion.LevelCount && version.Overlapping(target + 1, smallest, largest).Length == 0
            && !running.Any(other => other.MayWriteTo(target + 1, smallest, largest))) target++;
        return target == 0 || damaged.IsBusy ? null : new CompactionPlan(0, target, [damaged], []);
    }

    /// <summary>The table that drags the least along with it, for its size.</summary>
    private static CompactionPlan? PlanLevel(TableVersion version, IReadOnlyCollection<CompactionPlan> running, int level)
    {
        CompactionPlan? best = null;
        var bestCost = double.MaxValue;
        foreach (var table in version.Level(level))
        {
            if (Complete(version, running, level, level + 1, [table]) is not { } plan) continue;
            var cost = (double)plan.InputBytes / table.Info.Bytes;
            if (cost >= bestCost) continue;
            best = plan;
            bestCost = cost;
        }

        return best;
    }

    /// <summary>A table of which much is dead, by itself, back into its level.</summary>
    private static CompactionPlan? PlanRewrite(TableVersion version)
    {
        for (var level = TableVersion.LevelCount - 1; level > 0; level--)
        {
            var table = version.Level(level).Where(IsFree).MaxBy(table => table.DeadShare);
            if (table is { DeadShare: > LargestDeadShare }) return new CompactionPlan(level, level, [table], []);
        }

        return null;
    }

    private static CompactionPlan? Complete(
        TableVersion version, IReadOnlyCollection<CompactionPlan> running, int level, int target, TableFile[] upper)
    {
        if (upper.Length == 0 || !upper.All(IsFree)) return null;
        var bare = new CompactionPlan(level, target, upper, []);
        var plan = bare with { Lower = version.Overlapping(target, bare.Smallest, bare.Largest) };
        if (!plan.Lower.All(IsFree)) return null;
        var (smallest, largest) = (plan.Smallest, plan.Largest);
        return running.Any(other => other.MayWriteTo(target, smallest, largest)) ? null : plan;
    }

    private static bool IsFree(TableFile table) => !table.IsBusy && !table.IsQuarantined;
}
