using System.Diagnostics;

namespace KvStore.Tests.Fuzzing;

/// <summary>An input that breaks a promise.</summary>
internal sealed record Finding(string Target, int Seed, long Iteration, byte[] Input, string Problem)
{
    public override string ToString() =>
        $"{Target}, seed {Seed}, input {Iteration}: {Problem}\n{Input.Length} bytes: {KeptInputs.TextOf(Input)}\n"
        + $"replay: ./build.sh fuzz --target {Target} --seed {Seed}\nkeep: add them as a line to KvStore.Tests/Golden/fuzz/{Target}.txt";
}

/// <summary>What a run did.</summary>
internal sealed record FuzzReport(long Inputs, int Features, int CorpusInputs, Finding? Finding);

/// <summary>
/// Attacks one target for a time. The corpus begins with valid inputs and grows by every input whose feature was not met before: coverage
/// without instrumented code, and the same from a seed on every machine. The inputs follow from the seed alone; the time says how many.
/// </summary>
internal sealed class FuzzRun(IDecoderTarget target, int seed)
{
    private const int ValidInputs = 24;
    private const int MostInputs = 1024;

    // Longer than any decoding takes on a busy machine.
    private static readonly TimeSpan HangsAfter = TimeSpan.FromSeconds(30);

    private readonly Random _random = new(seed);
    private readonly List<byte[]> _corpus = [];
    private readonly HashSet<string> _features = [];
    private volatile byte[] _current = [];
    private long _inputs;

    /// <summary>Runs on a thread of its own, so that a decoder that does not come back can be reported.</summary>
    public FuzzReport Run(TimeSpan budget)
    {
        Finding? finding = null;
        Exception? failure = null;
        var worker = new Thread(() =>
        {
            try
            {
                finding = Attack(budget);
            }
            catch (Exception e)
            {
                failure = e;
            }
        })
        { IsBackground = true };
        worker.Start();
        for (var seen = -1L; !worker.Join(HangsAfter);)
        {
            var inputs = Interlocked.Read(ref _inputs);
            if (inputs == seen) return Report(new Finding(target.Name, seed, inputs, _current, $"it has not come back for {HangsAfter.TotalSeconds} s"));
            seen = inputs;
        }

        if (failure is not null) throw new InvalidOperationException($"{target.Name}, seed {seed}: the attack itself failed", failure);
        return Report(finding);
    }

    private FuzzReport Report(Finding? finding) => new(_inputs, _features.Count, _corpus.Count, finding);

    private Finding? Attack(TimeSpan budget)
    {
        var watch = Stopwatch.StartNew();
        for (var i = 0; i < ValidInputs; i++)
            if (Try(target.Make(_random), isValid: true) is { } finding) return finding;
        var mutator = new Mutator(_random);
        while (watch.Elapsed < budget)
        {
            var changed = mutator.Change(Pick(), Pick());
            if (_random.Next(4) > 0) target.Repair(changed);
            if (Try(changed, isValid: false) is { } finding) return finding;
        }

        return null;
    }

    private Finding? Try(byte[] input, bool isValid)
    {
        _current = input;
        Interlocked.Increment(ref _inputs);
        var verdict = Trial.Run(target, input);
        if (verdict.Problem is not null) return new Finding(target.Name, seed, _inputs, new Minimizer(target).Shorten(input), verdict.Problem);
        if (isValid || (_corpus.Count < MostInputs && !_features.Contains(verdict.Feature))) _corpus.Add(input);
        _features.Add(verdict.Feature);
        return null;
    }

    /// <summary>What came last is what the target has not been asked much about.</summary>
    private byte[] Pick() => _random.Next(3) == 0 ? _corpus[^(1 + _random.Next(Math.Min(16, _corpus.Count)))] : _corpus[_random.Next(_corpus.Count)];
}
