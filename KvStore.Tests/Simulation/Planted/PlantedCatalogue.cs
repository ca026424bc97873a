namespace KvStore.Tests.Simulation.Planted;

/// <summary>The bugs that the simulation must find. Each is a mistake against a rule of the design, not a random change of the text.</summary>
internal static class PlantedCatalogue
{
    public static IReadOnlyList<PlantedBug> All { get; } = [.. RaftBugs.All, .. ReplicaBugs.All, .. RequestBugs.All, .. StorageBugs.All];

    /// <exception cref="ArgumentException">There is no bug of this name.</exception>
    public static PlantedBug Find(string name) => All.FirstOrDefault(bug => bug.Name == name) ?? throw new ArgumentException($"there is no planted bug '{name}'");
}
