using System.Globalization;

namespace KvStore.Tests.Simulation;

/// <summary>What the command <c>simulate</c> is asked for.</summary>
internal sealed record SimulateOptions
{
    public const string Usage =
        "usage: simulate [--seeds N] [--first S] [--seconds T] [--threads K] [--timeline] [--stop] [--planted [NAME,...]]";

    private int? _seeds;

    /// <summary>To be run; with planted bugs, to be tried for each at most.</summary>
    public int Seeds => _seeds ?? (Planted ? 200 : 100);

    public ulong First { get; private set; } = 1;

    /// <summary>Simulated seconds under faults, for each seed.</summary>
    public int Seconds { get; private set; } = 60;

    public int Threads { get; private set; } = Environment.ProcessorCount;

    /// <summary>Prints what happened in each run that fails.</summary>
    public bool Timeline { get; private set; }

    /// <summary>Ends at the first seed that fails.</summary>
    public bool Stop { get; private set; }

    /// <summary>Switches planted bugs on, one after the other, instead of running the product as it is.</summary>
    public bool Planted { get; private set; }

    /// <summary>The only bugs to be switched on; empty: all.</summary>
    public IReadOnlyList<string> PlantedNames { get; private set; } = [];

    /// <exception cref="FormatException">An option is not known or has no proper value.</exception>
    public static SimulateOptions Parse(string[] args)
    {
        var options = new SimulateOptions();
        for (var i = 0; i < args.Length; i++)
        {
            var next = i + 1 < args.Length ? args[i + 1] : null;
            if (!options.TryTake(args[i], next, out var tookNext)) throw new FormatException($"{args[i]} is not an option, or lacks its value\n{Usage}");
            if (tookNext) i++;
        }

        return options;
    }

    private bool TryTake(string option, string? next, out bool tookNext)
    {
        tookNext = false;
        switch (option)
        {
            case "--timeline":
                return Timeline = true;
            case "--stop":
                return Stop = true;
            case "--planted":
                tookNext = next is not null && !next.StartsWith('-');
                PlantedNames = tookNext ? next!.Split(',') : [];
                return Planted = true;
        }

        tookNext = ulong.TryParse(next, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value is > 0 and < int.MaxValue;
        switch (option)
        {
            case "--seeds":
                _seeds = (int)value;
                return tookNext;
            case "--first":
                First = value;
                return tookNext;
            case "--seconds":
                Seconds = (int)value;
                return tookNext;
            case "--threads":
                Threads = (int)value;
                return tookNext;
            default:
                return false;
        }
    }
}
