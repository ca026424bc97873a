using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Processes;

/// <summary>Forming a cluster when not all nodes are there: promises bind until the same list finishes or gives them up.</summary>
[TestFixture]
public sealed class FormationTests
{
    [Test]
    public void A_formation_cut_short_is_resumed_or_given_up_with_the_same_nodes()
    {
        var directory = Directory.CreateTempSubdirectory("kvd-test-").FullName;
        var nodes = new[] { "n1", "n2", "n3", "n4" }.Select(name => new KvdProcess(name, directory, new Dictionary<string, string>())).ToList();
        try
        {
            foreach (var node in nodes[..3]) node.Start();
            var withFourth = string.Join(',', nodes.Where(n => n.Name != "n3").Select(n => n.Endpoint));
            var firstThree = string.Join(',', nodes[..3].Select(n => n.Endpoint));

            // n4 is not there: n1 and n2 have promised themselves and stay bound.
            var cut = KvdCluster.Within(20, () => Init(withFourth), r => r.Error.Contains(nodes[3].Endpoint, StringComparison.Ordinal));
            cut.ExitCode.ShouldNotBe(0);
            var refused = Init(firstThree);
            refused.ExitCode.ShouldNotBe(0);
            refused.Error.ShouldContain("--abort");

            // Who cannot be reached is named; the others are free.
            var aborted = Init(withFourth, "--abort");
            aborted.ExitCode.ShouldNotBe(0);
            aborted.Error.ShouldContain(nodes[3].Endpoint);
            var formed = Init(firstThree);
            formed.ExitCode.ShouldBe(0, formed.Error);
            Init(firstThree, "--abort").ExitCode.ShouldNotBe(0);
        }
        finally
        {
            foreach (var node in nodes) node.Dispose();
            Directory.Delete(directory, true);
        }
    }

    // How long three nodes take to make their partitions is not asked here, and a busy machine needs more than the seconds of an operator.
    private static CtlResult Init(string nodes, params string[] more) =>
        Kvctl.Run(nodes.Split(',')[0], ["cluster", "init", "--nodes", nodes, "--timeout", "60s", .. more]);
}
