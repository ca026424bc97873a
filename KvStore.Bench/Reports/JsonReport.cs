using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace KvStore.Bench.Reports;

/// <summary>Rows as NDJSON: `name, ours, peer, limit, unit, ratio, goal, ok` in every line, then the row's details.</summary>
internal static class JsonReport
{
    // Readable `>=` instead of \u003E; these lines never stand inside HTML.
    private static readonly JsonWriterOptions Unescaped = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Replaces the file.</summary>
    public static void Write(string path, IEnumerable<ReportRow> rows) =>
        File.WriteAllLines(path, rows.Select(Line));

    /// <summary>One row as one line of JSON, without the line's end.</summary>
    public static string Line(ReportRow row)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, Unescaped))
        {
            json.WriteStartObject();
            json.WriteString("name", row.Name);
            WriteNumber(json, "ours", row.Ours);
            WriteNumber(json, "peer", row.Peer);
            WriteNumber(json, "limit", row.Limit);
            json.WriteString("unit", row.Unit);
            WriteNumber(json, "ratio", row.Ratio);
            json.WriteString("goal", row.Goal?.ToString());
            if (row.Ok is { } ok)
                json.WriteBoolean("ok", ok);
            else
                json.WriteNull("ok");
            foreach ((string name, object value) in row.Details)
                WriteDetail(json, name, value);
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(buffer.ToArray());
    }

    private static void WriteDetail(Utf8JsonWriter json, string name, object value)
    {
        if (value is double number)
            WriteNumber(json, name, number);
        else if (value is int whole)
            json.WriteNumber(name, whole);
        else if (value is long large)
            json.WriteNumber(name, large);
        else
            json.WriteString(name, Convert.ToString(value, CultureInfo.InvariantCulture));
    }

    private static void WriteNumber(Utf8JsonWriter json, string name, double? value)
    {
        if (value is { } number && double.IsFinite(number))
            json.WriteNumber(name, Math.Round(number, 3));
        else
            json.WriteNull(name);
    }
}
