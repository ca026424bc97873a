using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Simulation.Planted;

[TestFixture]
internal sealed class PlantedBuildTests
{
    [Test, Explicit("takes a minute")]
    public void The_sources_with_all_bugs_compile()
    {
        using var build = PlantedBuild.Make(PlantedCatalogue.All);
        File.Exists(build.Executable).ShouldBeTrue();
    }
}
