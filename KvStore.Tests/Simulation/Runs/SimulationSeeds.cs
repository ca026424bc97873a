namespace KvStore.Tests.Simulation.Runs;

/// <summary>Runs many seeds, each world on a thread of its own.</summary>
internal static class SimulationSeeds
{
    /// <param name="only">Which of each plan's faults are left, see <see cref="FaultChoice"/>; null for all.</param>
    /// <param name="onResult">Called after each run, by one thread at a time, in no particular order; false ends it.</param>
    public static void Run(ulong first, int count, int durationMs, int threads, Func<RunResult, bool> onResult, string? only = null)
    {
        var (next, goesOn) = (-1, true);
        var gate = new Lock();
        var workers = Enumerable.Range(0, Math.Min(threads, count)).Select(_ => new Thread(() =>
        {
            while (Volatile.Read(ref goesOn) && Interlocked.Increment(ref next) is var mine && mine < count)
            {
                var result = SimulationRun.Of(Scenario.Draw(first + (ulong)mine, durationMs, only));
                lock (gate) goesOn &= onResult(result);
            }
        })).ToList();
        foreach (var worker in workers) worker.Start();
        foreach (var worker in workers) worker.Join();
    }
}
