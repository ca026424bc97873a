using KvStore.Daemon.Ctl.Load;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Daemon.Ctl.Load;

/// <summary>Which operations on which keys a load asks for.</summary>
public sealed class LoadChoiceTests
{
    [TestCase("get=95,put=5", 95, 5)]
    [TestCase("put=1", 0, 1)]
    [TestCase("get=1, put=0", 1, 0)]
    public void Mixes(string text, int gets, int puts)
    {
        OperationMix.TryParse(text, out var mix).ShouldBeTrue();
        mix.ShouldBe(new OperationMix(gets, puts));
    }

    [TestCase("")]
    [TestCase("get")]
    [TestCase("get=x")]
    [TestCase("get=-1")]
    [TestCase("get=1,get=2")]
    [TestCase("scan=1")]
    [TestCase("get=0,put=0")]
    public void No_mixes(string text) => OperationMix.TryParse(text, out _).ShouldBeFalse();

    [Test]
    public void A_mix_is_kept_over_many_operations()
    {
        var random = new LoadRandom(7);
        var mix = new OperationMix(95, 5);
        var gets = 0;
        for (var i = 0; i < 100_000; i++) gets += mix.NextIsGet(ref random) ? 1 : 0;
        gets.ShouldBeInRange(94_500, 95_500);
    }

    [Test]
    public void Without_zipf_all_keys_are_taken_alike()
    {
        var counts = Count(new KeyChooser(100, 0), 100);
        counts.Min().ShouldBeGreaterThan(800);
        counts.Max().ShouldBeLessThan(1200);
    }

    [TestCase(0.5)]
    [TestCase(0.99)]
    [TestCase(1.0)]
    [TestCase(2.0)]
    public void Ranks_follow_the_law(double exponent)
    {
        var chooser = new KeyChooser(1000, exponent);
        var random = new LoadRandom(11);
        var counts = new int[1000];
        for (var i = 0; i < 200_000; i++) counts[chooser.NextRank(ref random)]++;
        var norm = Enumerable.Range(1, 1000).Sum(k => Math.Pow(k, -exponent));
        foreach (var rank in (int[])[1, 2, 3, 10])
        {
            var expected = 200_000 * Math.Pow(rank, -exponent) / norm;
            ((double)counts[rank - 1]).ShouldBe(expected, tolerance: 5 * Math.Sqrt(expected));
        }
    }

    [Test]
    public void Zipf_reaches_distinct_keys_and_stays_in_range()
    {
        foreach (var keys in (int[])[1, 2, 7, 1000]) Count(new KeyChooser(keys, 0.5), keys).ShouldAllBe(count => count > 0);
    }

    [Test]
    public void Keys_are_sixteen_bytes_with_their_number()
    {
        var keys = new KeySpace(1001);
        System.Text.Encoding.ASCII.GetString(keys[0].Span).ShouldBe("bench-0000000000");
        System.Text.Encoding.ASCII.GetString(keys[1000].Span).ShouldBe("bench-0000001000");
    }

    private static int[] Count(KeyChooser chooser, int keys)
    {
        var random = new LoadRandom(3);
        var counts = new int[keys];
        for (var i = 0; i < 100_000; i++) counts[chooser.Next(ref random)]++;
        return counts;
    }
}
