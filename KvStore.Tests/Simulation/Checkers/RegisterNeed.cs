namespace KvStore.Tests.Simulation.Checkers;

/// <summary>What the state must be for an operation to do what its answer says.</summary>
internal enum RegisterNeed
{
    Nothing,
    Absent,
    Present,

    /// <summary>Written by the one operation that wrote what the answer names.</summary>
    Writer,

    /// <summary>Holding a value that several operations wrote.</summary>
    Value,

    /// <summary>Holding a revision that was never seen given to a write.</summary>
    Revision,

    /// <summary>Not holding a revision: a failed condition that does not say what it met.</summary>
    NotRevision,
}
