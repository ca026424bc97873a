using System.Globalization;

namespace KvStore.Daemon.Ctl.Load;

/// <summary>What share of the operations of a load are gets; the others are puts.</summary>
internal readonly record struct OperationMix(int Gets, int Puts)
{
    public bool NextIsGet(ref LoadRandom random) => random.Next(Gets + Puts) < Gets;

    public override string ToString() => $"get={Gets},put={Puts}";

    /// <summary>Reads `get=95,put=5`: whole weights, either may be left out and is then 0, not both 0; false for anything else.</summary>
    public static bool TryParse(string text, out OperationMix mix)
    {
        mix = default;
        int? gets = null, puts = null;
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries))
        {
            var equals = part.IndexOf('=');
            if (equals < 0 || !int.TryParse(part.AsSpan(equals + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var weight) || weight > 1_000_000)
                return false;
            switch (part.AsSpan(0, equals))
            {
                case "get" when gets is null: gets = weight; break;
                case "put" when puts is null: puts = weight; break;
                default: return false;
            }
        }

        mix = new OperationMix(gets ?? 0, puts ?? 0);
        return mix.Gets + mix.Puts > 0;
    }
}
