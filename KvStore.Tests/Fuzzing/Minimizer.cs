using System.Diagnostics;

namespace KvStore.Tests.Fuzzing;

/// <summary>Makes an input that breaks a promise shorter and plainer while it still does (Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input", 2002, without its recombination).</summary>
internal sealed class Minimizer(IDecoderTarget target)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private readonly Stopwatch _watch = Stopwatch.StartNew();

    public byte[] Shorten(byte[] input)
    {
        var best = input;
        for (var piece = Math.Max(1, input.Length / 2); piece > 0; piece /= 2)
        {
            for (var at = 0; at + piece <= best.Length && _watch.Elapsed < Patience;)
            {
                byte[] shorter = [.. best.AsSpan(0, at), .. best.AsSpan(at + piece)];
                if (Still(ref shorter)) best = shorter;
                else at += piece;
            }
        }

        for (var at = 0; at < best.Length && _watch.Elapsed < Patience; at++)
        {
            if (best[at] == 0) continue;
            var plainer = best.ToArray();
            plainer[at] = 0;
            if (Still(ref plainer)) best = plainer;
        }

        return best;
    }

    /// <summary>As it is, or with its checksums made right.</summary>
    private bool Still(ref byte[] input)
    {
        if (Trial.Run(target, input).Problem is not null) return true;
        var repaired = input.ToArray();
        target.Repair(repaired);
        if (repaired.AsSpan().SequenceEqual(input) || Trial.Run(target, repaired).Problem is null) return false;
        input = repaired;
        return true;
    }
}
