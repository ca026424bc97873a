namespace KvStore.Bench.Probes;

/// <summary>What this machine cannot go below, measured in the same run as everything else. Medians, in microseconds.</summary>
/// <param name="DataSyncUs">Write of 4 KiB into a zero-filled file and fdatasync.</param>
/// <param name="RoundTripUs">64 bytes over loopback TCP and back, between two blocking threads.</param>
internal sealed record PhysicalLimits(double DataSyncUs, double RoundTripUs)
{
    /// <summary>A majority's acknowledgement needs the client's round trip, the replica's, and one sync.</summary>
    public double StrongPutUs => DataSyncUs + (2 * RoundTripUs);

    /// <summary>Measures both, each for about <paramref name="duration"/>, on the disk that holds <paramref name="directory"/>.</summary>
    public static async Task<PhysicalLimits> MeasureAsync(string directory, TimeSpan duration)
    {
        double sync = await Task.Run(() => DiskProbe.MedianSyncUs(directory, duration));
        double roundTrip = await Task.Run(() => LoopbackProbe.MedianRoundTripUs(duration));
        return new PhysicalLimits(sync, roundTrip);
    }
}
