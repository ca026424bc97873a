namespace KvStore.Core.Io;

/// <summary>The clock seam. Readings may be taken from any thread.</summary>
public interface IClock
{
    /// <summary>Nanoseconds since boot, suspend included (CLOCK_BOOTTIME); never runs backwards. For time-outs, leases and staleness.</summary>
    long BootTimeNs { get; }

    /// <summary>Milliseconds since the Unix epoch (CLOCK_REALTIME); may jump. Only for timestamps and expiry.</summary>
    long WallMs { get; }
}
