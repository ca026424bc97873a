namespace KvStore.Core.Storage;

/// <summary>What the engine asks of whoever sends writes. Checked before a write enters the log: after that it is taken in any case.</summary>
public enum WritePressure
{
    None,

    /// <summary>Flush or compaction falls behind: delay writes a little.</summary>
    SlowDown,

    /// <summary>Memory or the number of level-0 tables is at its bound: refuse writes as overloaded.</summary>
    Stall,

    /// <summary>Free space is below the watermark: refuse writes as disk_full.</summary>
    DiskFull,
}
