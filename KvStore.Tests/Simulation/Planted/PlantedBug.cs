namespace KvStore.Tests.Simulation.Planted;

/// <summary>
/// A mistake that somebody could make in the product, and that the simulation must find: it measures the checkers, not the product.
/// </summary>
/// <param name="Name">Lower case, with dashes.</param>
/// <param name="Breaks">The promise that it breaks, for the table.</param>
/// <param name="Edits">What it changes.</param>
internal sealed record PlantedBug(string Name, string Breaks, params PlantedEdit[] Edits)
{
    /// <summary>The name as an identifier of C#.</summary>
    public string Identifier => string.Concat(Name.Split('-').Select(word => char.ToUpperInvariant(word[0]) + word[1..]));

    public override string ToString() => Name;
}
