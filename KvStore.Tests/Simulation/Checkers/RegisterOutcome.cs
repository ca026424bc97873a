namespace KvStore.Tests.Simulation.Checkers;

internal enum RegisterOutcome
{
    /// <summary>It took effect between its invocation and its return; a get returned what it says.</summary>
    Ok,

    /// <summary>Its condition did not hold at some moment between its invocation and its return; no effect.</summary>
    ConditionFailed,

    /// <summary>It never takes effect.</summary>
    NotApplied,

    /// <summary>It takes effect once at any time after its invocation, or never; for a get: no answer.</summary>
    Unknown,
}
