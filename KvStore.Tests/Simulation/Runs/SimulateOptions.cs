using System.Globalization;

namespace KvStore.Tests.Simulation.Runs;

/// <summary>What the simulate command was asked for.</summary>
internal sealed record SimulateOptions
{
    public int Seeds { get; init; } = 100;

    public ulong First { get; init; } = 1;

    public int Seconds { get; init; } = 60;

    public int Threads { get; init; } = Environment.ProcessorCount;

    public bool Timeline { get; init; }

    public bool Shrink { get; init; }

    /// <returns>What is wrong with the arguments; null if nothing.</returns>
    public static string? TryParse(ReadOnlySpan<string> arguments, out SimulateOptions options)
    {
        options = new SimulateOptions();
        for (var i = 0; i < arguments.Length; i++)
        {
            var name = arguments[i];
            if (name is "--timeline" or "--shrink")
            {
                options = name == "--timeline" ? options with { Timeline = true } : options with { Shrink = true };
                continue;
            }

            if (name is not ("--seeds" or "--first" or "--seconds" or "--threads")) return $"{name} is no option";
            if (i + 1 == arguments.Length || !ulong.TryParse(arguments[++i], NumberStyles.None, CultureInfo.InvariantCulture, out var number)) return $"{name} wants a number";
            if (name != "--first" && number is 0 or > 1_000_000) return $"{name} must be from 1 to 1000000";
            options = name switch
            {
                "--seeds" => options with { Seeds = (int)number },
                "--first" => options with { First = number },
                "--seconds" => options with { Seconds = (int)number },
                _ => options with { Threads = (int)number },
            };
        }

        return null;
    }
}
