namespace KvStore.Core.Storage.Compaction;

/// <summary>
/// How large each level should be, derived from the largest one upwards (RocksDB's dynamic level sizes; Dong et al., "Optimizing Space
/// Amplification in RocksDB", CIDR 2017): nine tenths of the data lie in the last level, whatever the amount.
/// </summary>
internal sealed class LevelTargets
{
    private const int LastLevel = TableVersion.LevelCount - 1;
    private const int Multiplier = 10;

    private readonly long[] _targets = new long[TableVersion.LevelCount];

    /// <param name="largestBaseBytes">The most that the level into which level 0 is merged should hold.</param>
    public LevelTargets(TableVersion version, long largestBaseBytes)
    {
        var size = 0L;
        for (var level = 1; level <= LastLevel; level++) size = Math.Max(size, version.LevelBytes(level));
        BaseLevel = LastLevel;
        for (; size > largestBaseBytes && BaseLevel > 1; size /= Multiplier) BaseLevel--;
        _targets[BaseLevel] = largestBaseBytes;
        if (BaseLevel < LastLevel) _targets[BaseLevel] = Math.Max(size, largestBaseBytes / Multiplier);
        for (var level = BaseLevel + 1; level <= LastLevel; level++) _targets[level] = _targets[level - 1] * Multiplier;

        // The last level holds what there is.
        _targets[LastLevel] = long.MaxValue;
    }

    /// <summary>Level 0 is merged into this one; the levels between are empty, or being emptied.</summary>
    public int BaseLevel { get; }

    /// <summary>In bytes; zero for a level that should be empty.</summary>
    public long this[int level] => _targets[level];
}
