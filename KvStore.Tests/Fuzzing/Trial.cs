using System.Diagnostics;
using System.Text.RegularExpressions;

namespace KvStore.Tests.Fuzzing;

/// <summary>What became of one input.</summary>
/// <param name="Feature">Inputs with the same feature did the same: the shape that was decoded, or how the input was refused.</param>
/// <param name="Problem">Which promise was broken; null if none.</param>
internal readonly record struct Verdict(string Feature, string? Problem);

/// <summary>
/// Decodes one input twice, each time from the middle of a buffer of other poison, and judges: nothing but documented exceptions, bounded
/// memory, bounded time, the same result whatever lies around the input, and the same meaning after encoding it again.
/// </summary>
internal static partial class Trial
{
    private const int Margin = 64;

    /// <summary>No decoder needs longer for the inputs made here; a machine that is busy gets a second chance.</summary>
    private static readonly TimeSpan LongestTime = TimeSpan.FromSeconds(2);

    public static Verdict Run(IDecoderTarget target, byte[] input)
    {
        var first = Attempt(target, input, 0x00);
        if (first.Problem is null && first.Took < LongestTime && first.Allocated <= target.MostAllocated(input.Length) && first.Meaning is null)
            return new Verdict(first.Feature, null);
        var second = Attempt(target, input, 0xFF);
        return new Verdict(first.Feature, first.Problem ?? second.Problem ?? Compare(target, input, first, second));
    }

    private static string? Compare(IDecoderTarget target, byte[] input, in Observation first, in Observation second)
    {
        if (first.Feature != second.Feature || !Same(first.Meaning, second.Meaning))
            return $"it reads outside its input: {first.Feature} in zeros, {second.Feature} in ones";
        var most = target.MostAllocated(input.Length);
        var allocated = Math.Min(first.Allocated, second.Allocated);
        if (allocated > most) return $"it allocates {allocated} bytes for an input of {input.Length}; {most} are allowed";
        var took = first.Took < second.Took ? first.Took : second.Took;
        if (took > LongestTime) return $"it takes {took.TotalSeconds:0.0} s";
        if (!target.RoundTrips || first.Meaning is not { } meaning) return null;
        var again = Attempt(target, meaning, 0x55);
        if (again.Problem is not null) return $"what it decoded, encoded again: {again.Problem}";
        return Same(again.Meaning, meaning) ? null : "what it decoded means something else after encoding it again";
    }

    private static Observation Attempt(IDecoderTarget target, byte[] input, byte poison)
    {
        var buffer = new byte[input.Length + (2 * Margin)];
        buffer.AsSpan().Fill(poison);
        input.CopyTo(buffer, Margin);
        var watch = Stopwatch.GetTimestamp();
        var before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            var decoded = target.Decode(buffer.AsMemory(Margin, input.Length));
            return new Observation(decoded.Shape, decoded.Meaning, null, GC.GetAllocatedBytesForCurrentThread() - before, Stopwatch.GetElapsedTime(watch));
        }
        catch (Exception e)
        {
            var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            var problem = target.Documents(e) ? null : $"it throws {e.GetType().Name}: {e}";
            return new Observation(FeatureOf(e), null, problem, allocated, Stopwatch.GetElapsedTime(watch));
        }
    }

    /// <summary>The words of the message say which check refused; its numbers say nothing of that.</summary>
    private static string FeatureOf(Exception exception)
    {
        var message = exception.Message;
        return $"{exception.GetType().Name}: {Values().Replace(message.Length > 120 ? message[..120] : message, "#")}";
    }

    private static bool Same(byte[]? a, byte[]? b) => a is null ? b is null : b is not null && a.AsSpan().SequenceEqual(b);

    [GeneratedRegex(@"'[^']*'|""[^""]*""|[0-9a-f]*[0-9][0-9a-f]*|[^ -~]+")]
    private static partial Regex Values();

    private readonly record struct Observation(string Feature, byte[]? Meaning, string? Problem, long Allocated, TimeSpan Took);
}
