namespace KvStore.Tests.Storage;

/// <summary>What stories of engine and WAL did.</summary>
internal sealed record DurableTally
{
    public long PowerCuts { get; set; }

    public long PowerCutsWhileOpening { get; set; }

    public long Stops { get; set; }

    public long Installs { get; set; }

    public long Flushes { get; set; }

    public long SegmentsRecycled { get; set; }

    public long RecordsLost { get; set; }

    /// <summary>Partitions whose log the WAL still told of after a snapshot had replaced it.</summary>
    public long LogsRestarted { get; set; }

    public static DurableTally operator +(DurableTally a, DurableTally b) => new()
    {
        PowerCuts = a.PowerCuts + b.PowerCuts,
        PowerCutsWhileOpening = a.PowerCutsWhileOpening + b.PowerCutsWhileOpening,
        Stops = a.Stops + b.Stops,
        Installs = a.Installs + b.Installs,
        Flushes = a.Flushes + b.Flushes,
        SegmentsRecycled = a.SegmentsRecycled + b.SegmentsRecycled,
        RecordsLost = a.RecordsLost + b.RecordsLost,
        LogsRestarted = a.LogsRestarted + b.LogsRestarted,
    };
}
