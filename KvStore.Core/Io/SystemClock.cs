namespace KvStore.Core.Io;

/// <summary>The clocks of the host, read without a system call and without allocation.</summary>
public sealed class SystemClock : IClock
{
    public long BootTimeNs => Read(Native.ClockBootTime, out var nanoseconds) * 1_000_000_000 + nanoseconds;

    public long WallMs => Read(Native.ClockRealTime, out var nanoseconds) * 1_000 + nanoseconds / 1_000_000;

    private static unsafe long Read(int clock, out long nanoseconds)
    {
        Native.TimeSpec time;
        if (Native.ClockGetTime(clock, &time) != 0) throw new PlatformNotSupportedException($"clock_gettime({clock}) failed: Linux 2.6.39 or later is needed");
        nanoseconds = time.Nanoseconds;
        return time.Seconds;
    }
}
