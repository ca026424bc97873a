using System.Collections.Immutable;
using System.Globalization;

namespace KvStore.Tests.Simulation.Runs;

/// <summary>
/// Which of a plan's faults are left, as text: their numbers in the whole plan from 1, each with another duration in ms behind a colon if
/// it was changed: <c>3,7:250</c>; <c>none</c>.
/// </summary>
internal static class FaultChoice
{
    private const string None = "none";

    /// <param name="whole">As the seed draws it.</param>
    /// <param name="left">Some of it, in its order.</param>
    public static string Of(ImmutableArray<Fault> whole, ImmutableArray<Fault> left)
    {
        var texts = new List<string>();
        var at = 0;
        foreach (var fault in left)
        {
            while (whole[at] with { DurationMs = fault.DurationMs } != fault) at++;
            texts.Add(string.Create(CultureInfo.InvariantCulture, $"{at + 1}{(whole[at] == fault ? "" : $":{fault.DurationMs}")}"));
            at++;
        }

        return texts.Count == 0 ? None : string.Join(',', texts);
    }

    /// <returns>False if the text names a fault that is not in the plan, or is no such text.</returns>
    public static bool TryApply(ImmutableArray<Fault> whole, string choice, out ImmutableArray<Fault> left)
    {
        left = [];
        if (choice == None) return true;
        var faults = ImmutableArray.CreateBuilder<Fault>();
        foreach (var text in choice.Split(','))
        {
            var parts = text.Split(':');
            if (parts.Length > 2 || !TryNumber(parts[0], out var number) || number < 1 || number > whole.Length) return false;
            var fault = whole[number - 1];
            if (parts.Length == 2 && !TryNumber(parts[1], out number)) return false;
            faults.Add(parts.Length == 2 ? fault with { DurationMs = number } : fault);
        }

        left = faults.ToImmutable();
        return true;
    }

    private static bool TryNumber(string text, out int number) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
