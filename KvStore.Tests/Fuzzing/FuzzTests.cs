using System.Globalization;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Fuzzing;

/// <summary>
/// Every decoder under attack for its share of <c>KVD_FUZZ_SECONDS</c> (30 for all of them together), from the seed <c>KVD_FUZZ_SEED</c>
/// (1 if not given; `./build.sh fuzz` draws one); <c>KVD_FUZZ_TARGET</c> names those to attack, separated by commas, instead of all.
/// </summary>
public sealed class FuzzTests
{
    private static readonly double Seconds =
        double.TryParse(Environment.GetEnvironmentVariable("KVD_FUZZ_SECONDS"), CultureInfo.InvariantCulture, out var seconds) ? seconds : 30;

    private static readonly int Seed =
        int.TryParse(Environment.GetEnvironmentVariable("KVD_FUZZ_SEED"), CultureInfo.InvariantCulture, out var seed) ? seed : 1;

    private static readonly string[] Wanted =
        (Environment.GetEnvironmentVariable("KVD_FUZZ_TARGET") ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private static IEnumerable<string> Attacked => Wanted.Length == 0 ? Names : Wanted;

    private static IEnumerable<string> Names => DecoderTargets.All.Select(target => target.Name);

    [TestCaseSource(nameof(Attacked))]
    public void A_decoder_keeps_its_promises(string name)
    {
        var target = DecoderTargets.All.Single(t => t.Name == name);
        var report = new FuzzRun(target, Seed).Run(TimeSpan.FromSeconds(Seconds / Attacked.Count()));
        TestContext.Out.WriteLine($"{name}: seed {Seed}, {report.Inputs} inputs, {report.Features} features, corpus of {report.CorpusInputs}");
        if (report.Finding is not null) Assert.Fail($"{report.Finding}");
    }

    [TestCaseSource(nameof(Names))]
    public void What_the_encoder_writes_is_read(string name)
    {
        var target = DecoderTargets.All.Single(t => t.Name == name);
        var random = new Random(Seed);
        for (var i = 0; i < 10; i++)
        {
            var input = target.Make(random);
            var decoded = target.Decode(input);
            decoded.Meaning.ShouldNotBeNull($"seed {Seed}, input {i}: {Convert.ToHexString(input)}");
            var repaired = input.ToArray();
            target.Repair(repaired);
            repaired.ShouldBe(input, $"seed {Seed}, input {i}: a repair changes what needs none");
        }
    }

    [TestCaseSource(typeof(KeptInputs), nameof(KeptInputs.All))]
    public void What_broke_a_promise_once_does_not_again(string name, string line)
    {
        var target = DecoderTargets.All.Single(t => t.Name == name);
        if (Trial.Run(target, KeptInputs.BytesOf(line)).Problem is { } problem) Assert.Fail($"{name}: {line}\n{problem}");
    }

    [Test]
    public void Every_target_has_a_name_of_its_own() => Names.ShouldBeUnique();
}
