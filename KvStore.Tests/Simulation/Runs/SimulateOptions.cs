using System.Globalization;

namespace KvStore.Tests.Simulation.Runs;

/// <summary>What the simulate command was asked for.</summary>
internal sealed record SimulateOptions
{
    private readonly int? _seeds;

    /// <summary>To be run; with planted bugs, to be tried for each at most.</summary>
    public int Seeds
    {
        get => _seeds ?? (Planted ? 200 : 100);
        init => _seeds = value;
    }

    public ulong First { get; init; } = 1;

    public int Seconds { get; init; } = 60;

    public int Threads { get; init; } = Environment.ProcessorCount;

    public bool Timeline { get; init; }

    public bool Shrink { get; init; }

    /// <summary>Tells of each run the numbers that differ when it is not repeatable.</summary>
    public bool Fingerprints { get; init; }

    /// <summary>Which faults of the plan are left, see <see cref="FaultChoice"/>; null for all.</summary>
    public string? Only { get; init; }

    /// <summary>Ends at the first seed that fails.</summary>
    public bool Stop { get; init; }

    /// <summary>Switches planted bugs on, one after the other, instead of running the product as it is.</summary>
    public bool Planted { get; init; }

    /// <summary>The only planted bugs to be switched on; empty for all.</summary>
    public IReadOnlyList<string> PlantedNames { get; init; } = [];

    /// <returns>What is wrong with the arguments; null if nothing.</returns>
    public static string? TryParse(ReadOnlySpan<string> arguments, out SimulateOptions options)
    {
        options = new SimulateOptions();
        for (var i = 0; i < arguments.Length; i++)
        {
            var name = arguments[i];
            if (name is "--timeline" or "--shrink" or "--fingerprints" or "--stop" or "--planted")
            {
                options = name switch
                {
                    "--timeline" => options with { Timeline = true },
                    "--shrink" => options with { Shrink = true },
                    "--fingerprints" => options with { Fingerprints = true },
                    "--stop" => options with { Stop = true },
                    _ => options with { Planted = true },
                };
                if (name == "--planted" && i + 1 < arguments.Length && !arguments[i + 1].StartsWith('-')) options = options with { PlantedNames = arguments[++i].Split(',') };
                continue;
            }

            if (name == "--only" && i + 1 < arguments.Length)
            {
                options = options with { Only = arguments[++i] };
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
