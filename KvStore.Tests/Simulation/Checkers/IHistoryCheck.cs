namespace KvStore.Tests.Simulation.Checkers;

/// <summary>One promise of the contract, checked on what clients saw.</summary>
internal interface IHistoryCheck
{
    /// <summary>Lower case, with dashes.</summary>
    string Name { get; }

    /// <summary>What broke the promise, for people; empty if nothing did.</summary>
    IEnumerable<string> Check(ObservedHistory history);
}
