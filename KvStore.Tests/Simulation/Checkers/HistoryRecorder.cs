using System.Collections.Concurrent;

namespace KvStore.Tests.Simulation.Checkers;

/// <summary>Collects the operations of many clients at once and gives them one order of events. Any thread.</summary>
internal sealed class HistoryRecorder
{
    private readonly ConcurrentQueue<RegisterOperation> _operations = new();
    private long _clock;

    public IReadOnlyCollection<RegisterOperation> Operations => _operations;

    /// <summary>The next tick: taken just before an operation is sent and just after its answer came.</summary>
    public long Tick() => Interlocked.Increment(ref _clock);

    public void Record(RegisterOperation operation) => _operations.Enqueue(operation);
}
