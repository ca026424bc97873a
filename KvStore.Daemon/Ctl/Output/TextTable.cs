using System.Text;

namespace KvStore.Daemon.Ctl.Output;

/// <summary>Plain columns, two spaces apart, numbers to the right. For readers with eyes: scripts use --json.</summary>
internal sealed class TextTable(params string[] headings)
{
    private readonly List<string[]> _rows = [headings];
    private readonly bool[] _right = new bool[headings.Length];

    /// <summary>Aligns the named columns to the right.</summary>
    public TextTable Right(params ReadOnlySpan<string> columns)
    {
        foreach (var column in columns) _right[Array.IndexOf(headings, column)] = true;
        return this;
    }

    public void Add(params string[] cells)
    {
        if (cells.Length != headings.Length) throw new ArgumentException($"{cells.Length} cells for {headings.Length} columns", nameof(cells));
        _rows.Add(cells);
    }

    /// <summary>The table, each line ended by a line feed and without trailing blanks.</summary>
    public void AppendTo(StringBuilder text)
    {
        var widths = new int[headings.Length];
        foreach (var row in _rows)
        {
            for (var i = 0; i < row.Length; i++) widths[i] = Math.Max(widths[i], row[i].Length);
        }

        foreach (var row in _rows)
        {
            var line = new StringBuilder();
            for (var i = 0; i < row.Length; i++)
                line.Append(_right[i] ? row[i].PadLeft(widths[i]) : row[i].PadRight(widths[i])).Append("  ");
            text.Append(line.ToString().TrimEnd()).Append('\n');
        }
    }
}
