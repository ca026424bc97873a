using System.Globalization;

namespace KvStore.Tests.Chaos.Runs;

/// <summary>What the chaos command was asked for.</summary>
internal sealed record ChaosOptions
{
    public const string Usage = "usage: chaos [--minutes N | --seconds N] [--seed S] [--nodes 3..5] [--faults KIND,KIND... [--in-order]] [--keep]";

    public int Seconds { get; init; } = 300;

    public ulong Seed { get; init; } = 1;

    /// <summary>0: the seed decides.</summary>
    public int Nodes { get; init; }

    public IReadOnlyList<ChaosFaultKind> Faults { get; init; } = Enum.GetValues<ChaosFaultKind>();

    /// <summary>The faults come one at a time as they are given.</summary>
    public bool InOrder { get; init; }

    /// <summary>Logs and history are kept even if nothing was wrong.</summary>
    public bool Keep { get; init; }

    /// <returns>What is wrong with the arguments; null if nothing.</returns>
    public static string? TryParse(ReadOnlySpan<string> arguments, out ChaosOptions options)
    {
        options = new ChaosOptions();
        for (var i = 0; i < arguments.Length; i++)
        {
            var name = arguments[i];
            if (name == "--keep")
            {
                options = options with { Keep = true };
                continue;
            }

            if (name == "--in-order")
            {
                options = options with { InOrder = true };
                continue;
            }

            if (name is not ("--minutes" or "--seconds" or "--seed" or "--nodes" or "--faults")) return $"{name} is no option";
            if (i + 1 == arguments.Length) return $"{name} wants a value";
            if (Set(name, arguments[++i], ref options) is { } trouble) return trouble;
        }

        return null;
    }

    /// <summary>The command that does the same again.</summary>
    public string Command()
    {
        var nodes = Nodes == 0 ? "" : $" --nodes {Nodes}";
        var faults = Faults.Count == Enum.GetValues<ChaosFaultKind>().Length ? "" : $" --faults {string.Join(',', Faults.Select(ChaosFault.NameOf))}";
        return string.Create(CultureInfo.InvariantCulture, $"./build.sh chaos --seconds {Seconds} --seed {Seed}{nodes}{faults}{(InOrder ? " --in-order" : "")}");
    }

    private static string? Set(string name, string value, ref ChaosOptions options)
    {
        if (name == "--faults")
        {
            var kinds = Enum.GetValues<ChaosFaultKind>().ToDictionary(ChaosFault.NameOf);
            var names = value.Split(',');
            if (names.FirstOrDefault(n => !kinds.ContainsKey(n)) is { } unknown) return $"{unknown} is no kind of fault; there are {string.Join(", ", kinds.Keys)}";
            options = options with { Faults = [.. names.Select(n => kinds[n])] };
            return null;
        }

        if (!ulong.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number)) return $"{name} wants a number";
        if (name == "--nodes" && number is < 3 or > 5) return "--nodes must be from 3 to 5";
        if (name is "--minutes" or "--seconds" && number is 0 or > 100_000) return $"{name} must be from 1 to 100000";
        options = name switch
        {
            "--minutes" => options with { Seconds = (int)number * 60 },
            "--seconds" => options with { Seconds = (int)number },
            "--seed" => options with { Seed = number },
            _ => options with { Nodes = (int)number },
        };
        return null;
    }
}
