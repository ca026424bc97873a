namespace KvStore.Daemon.Config;

/// <summary>Finds what somebody who mistyped a name most likely meant.</summary>
internal static class NearestName
{
    /// <summary>The setting whose key is nearest to <paramref name="key"/>; one that only stands in another section is nearer than any other.</summary>
    public static Setting Of(string key)
    {
        var name = key[(key.LastIndexOf('.') + 1)..];
        return Settings.All.FirstOrDefault(s => string.Equals(s.Name, name, StringComparison.OrdinalIgnoreCase))
            ?? Settings.All.MinBy(s => Distance(key.ToLowerInvariant(), s.Key))!;
    }

    /// <summary>Insertions, deletions and replacements that turn one text into the other (Levenshtein 1966; two rows of Wagner and Fischer's table).</summary>
    public static int Distance(string from, string to)
    {
        var above = new int[to.Length + 1];
        var row = new int[to.Length + 1];
        for (var j = 0; j <= to.Length; j++) above[j] = j;
        for (var i = 1; i <= from.Length; i++)
        {
            row[0] = i;
            for (var j = 1; j <= to.Length; j++)
            {
                var replaced = above[j - 1] + (from[i - 1] == to[j - 1] ? 0 : 1);
                row[j] = Math.Min(replaced, Math.Min(above[j], row[j - 1]) + 1);
            }

            (above, row) = (row, above);
        }

        return above[to.Length];
    }
}
