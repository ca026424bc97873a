using System.Globalization;
using System.Text;

namespace KvStore.Bench.Reports;

/// <summary>Aligned columns: the first to the left, as many more as asked for too, the others to the right.</summary>
internal sealed class TextTable(int leftColumns, params string[] headings)
{
    private readonly List<string[]> _rows = [headings];

    public void Add(params string[] cells) => _rows.Add(cells);

    /// <summary>Numbers as people read them: no decimals from 100 up, two below, '-' for none.</summary>
    public static string Number(double? value) => value switch
    {
        null => "-",
        { } number when !double.IsFinite(number) => "-",
        { } number when Math.Abs(number) >= 100 => number.ToString("N0", CultureInfo.InvariantCulture),
        { } number => number.ToString("0.00", CultureInfo.InvariantCulture),
    };

    public override string ToString()
    {
        int[] widths = [.. Enumerable.Range(0, headings.Length).Select(column => _rows.Max(row => row[column].Length))];
        var text = new StringBuilder();
        foreach (string[] row in _rows)
        {
            IEnumerable<string> cells = row.Select((cell, column) => column < leftColumns ? cell.PadRight(widths[column]) : cell.PadLeft(widths[column]));
            text.AppendLine(string.Join("  ", cells).TrimEnd());
        }
        return text.ToString();
    }
}
