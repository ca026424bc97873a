using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace KvStore.Tests;

/// <summary>Waits for a condition that other threads or processes bring about: the only place in the tests that pauses.</summary>
internal static class Eventually
{
    private static readonly TimeSpan DefaultDeadline = TimeSpan.FromSeconds(10);

    /// <summary>Returns as soon as <paramref name="condition"/> holds; throws <see cref="TimeoutException"/>, naming it, if it does not within <paramref name="deadline"/> (default 10 s).</summary>
    public static void Holds(
        Func<bool> condition, TimeSpan? deadline = null, [CallerArgumentExpression(nameof(condition))] string what = "")
    {
        var watch = Stopwatch.StartNew();
        while (!condition())
        {
            if (watch.Elapsed > (deadline ?? DefaultDeadline)) throw new TimeoutException($"not within {deadline ?? DefaultDeadline}: {what}");
            Thread.Sleep(1);
        }
    }

    /// <inheritdoc cref="Holds"/>
    public static async Task HoldsAsync(
        Func<Task<bool>> condition, TimeSpan? deadline = null, [CallerArgumentExpression(nameof(condition))] string what = "")
    {
        var watch = Stopwatch.StartNew();
        while (!await condition())
        {
            if (watch.Elapsed > (deadline ?? DefaultDeadline)) throw new TimeoutException($"not within {deadline ?? DefaultDeadline}: {what}");
            await Task.Delay(5);
        }
    }
}
