using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Raft;

/// <summary>Random runs from seeds; a failure names the seed. KVD_RAFT_SEEDS sets how many of each kind (default 150).</summary>
public sealed class RaftSimulationTests
{
    private static int Seeds => int.TryParse(Environment.GetEnvironmentVariable("KVD_RAFT_SEEDS"), out var seeds) ? seeds : 150;

    [TestCase(1, false)]
    [TestCase(3, false)]
    [TestCase(5, false)]
    [TestCase(3, true)]
    [TestCase(5, true)]
    public void Keeps_its_promises_under_faults_and_comes_to_rest_after(int voters, bool membership)
    {
        long commits = 0;
        long reads = 0;
        for (ulong seed = 1; seed <= (ulong)Seeds; seed++)
        {
            var simulation = new RaftSimulation(seed, voters, membership);
            try
            {
                simulation.Run(3000);
                simulation.Heal();
            }
            catch (Exception broken)
            {
                throw new AssertionException($"seed {seed}, {voters} voters, membership {membership}: {broken}");
            }

            commits += simulation.Commits;
            reads += simulation.ReadsConfirmed;
        }

        // Runs in which nothing happens would prove nothing.
        TestContext.Out.WriteLine($"{voters} voters: {commits} commits, {reads} reads confirmed in {Seeds} seeds");
        commits.ShouldBeGreaterThan(20L * Seeds);
        reads.ShouldBeGreaterThan(Seeds);
    }

    [Test]
    public void Same_seed_same_run()
    {
        Fingerprint(7).ShouldBe(Fingerprint(7));
        Fingerprint(7).ShouldNotBe(Fingerprint(8));
    }

    private static ulong Fingerprint(ulong seed)
    {
        var simulation = new RaftSimulation(seed, 3, membership: true);
        simulation.Run(3000);
        return simulation.Fingerprint;
    }
}
