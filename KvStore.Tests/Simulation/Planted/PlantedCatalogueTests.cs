using KvStore.Tests.Tidy;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Simulation.Planted;

/// <summary>The catalogue goes with the sources: a change of the product that moves a planted bug's place must move the bug too.</summary>
[TestFixture]
internal sealed class PlantedCatalogueTests
{
    private static IEnumerable<PlantedEdit> Edits => PlantedCatalogue.All.SelectMany(bug => bug.Edits);

    [Test]
    public void There_are_enough_bugs_and_their_names_differ()
    {
        PlantedCatalogue.All.Count.ShouldBeGreaterThanOrEqualTo(18);
        PlantedCatalogue.All.Select(bug => bug.Identifier).ShouldBeUnique();
        PlantedCatalogue.All.Where(bug => bug.Edits.Length == 0 || bug.Edits.Any(edit => edit.Original == edit.Replacement)).ShouldBeEmpty();
        Edits.Where(edit => !edit.File.StartsWith("KvStore.Core/", StringComparison.Ordinal)).ShouldBeEmpty();
    }

    [Test]
    public void Every_place_is_found_exactly_once() => Edits
        .Where(edit => edit.FindIn(Source(edit.File)) < 0)
        .Select(edit => $"{edit.File}: {edit.Original}")
        .ShouldBeEmpty();

    [Test]
    public void All_bugs_fit_into_one_copy_of_the_sources()
    {
        foreach (var file in PlantedSources.ByFile(PlantedCatalogue.All))
            PlantedSources.Rewrite(Source(file.Key), file).Length.ShouldBeGreaterThan(Source(file.Key).Length);
    }

    [Test]
    public void A_statement_and_an_expression_are_guarded_each_in_its_way()
    {
        PlantedBug[] bugs = [new("one-bug", "", new PlantedEdit("f", "Sync();", ""), new PlantedEdit("f", "a < b", "a <= b")), new("other", "", new PlantedEdit("f", "a < b", "true"))];
        PlantedSources.Rewrite("if (a < b) Sync();", PlantedSources.ByFile(bugs)["f"])
            .ShouldBe("if ((Planted.Other ? (true) : ((Planted.OneBug ? (a <= b) : (a < b))))) if (Planted.OneBug) {  } else { Sync(); }");
    }

    [Test]
    public void A_place_that_is_gone_or_not_the_only_one_is_an_error()
    {
        PlantedBug[] bugs = [new("bug", "", new PlantedEdit("f", "Sync();", ""))];
        Should.Throw<InvalidOperationException>(() => PlantedSources.Rewrite("Write();", PlantedSources.ByFile(bugs)["f"]));
        Should.Throw<InvalidOperationException>(() => PlantedSources.Rewrite("Sync(); Sync();", PlantedSources.ByFile(bugs)["f"]));
    }

    private static string Source(string file) => File.ReadAllText(Path.Combine(SourceFiles.Root, file));
}
