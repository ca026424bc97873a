using System.Buffers;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Unicode;

namespace KvStore.Daemon.Ctl.Output;

/// <summary>
/// Builds one JSON document: one line, `schema` and `ok` first, snake_case names, 64-bit numbers as strings (a double cannot
/// hold them), keys and values as <c>{"utf8": ...}</c> or <c>{"base64": ...}</c>.
/// </summary>
internal sealed class DocumentWriter : IDisposable
{
    // Everything JSON itself allows stays as it is: the output is for files and pipes, not for HTML pages.
    private static readonly JsonWriterOptions s_options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly ArrayBufferWriter<byte> _bytes = new(512);

    public DocumentWriter(string schema, bool ok)
    {
        Json = new Utf8JsonWriter(_bytes, s_options);
        Json.WriteStartObject();
        Json.WriteString("schema", schema);
        Json.WriteBoolean("ok", ok);
    }

    public Utf8JsonWriter Json { get; }

    /// <summary>Ends the document and gives its bytes, a line feed last.</summary>
    public ReadOnlyMemory<byte> Finish()
    {
        Json.WriteEndObject();
        Json.Flush();
        _bytes.Write("\n"u8);
        return _bytes.WrittenMemory;
    }

    public DocumentWriter Text(string name, string? value)
    {
        if (value is null) Json.WriteNull(name);
        else Json.WriteString(name, value);
        return this;
    }

    public DocumentWriter Flag(string name, bool value)
    {
        Json.WriteBoolean(name, value);
        return this;
    }

    /// <summary>A number that stays below 2^53.</summary>
    public DocumentWriter Number(string name, long value)
    {
        Json.WriteNumber(name, value);
        return this;
    }

    /// <summary>A fraction, rounded to the given digits.</summary>
    public DocumentWriter Fraction(string name, double value, int digits)
    {
        Json.WriteNumber(name, Math.Round(value, digits));
        return this;
    }

    /// <summary>A 64-bit number, as a string.</summary>
    public DocumentWriter Wide(string name, ulong value)
    {
        Json.WriteString(name, value.ToString(CultureInfo.InvariantCulture));
        return this;
    }

    /// <summary>Bytes of the user: a key or a value.</summary>
    public DocumentWriter Bytes(string name, ReadOnlySpan<byte> bytes)
    {
        Json.WriteStartObject(name);
        if (Utf8.IsValid(bytes)) Json.WriteString("utf8", bytes);
        else Json.WriteBase64String("base64", bytes);
        Json.WriteEndObject();
        return this;
    }

    /// <summary>A moment in milliseconds since the Unix epoch, as ISO 8601 in UTC; null if there is none.</summary>
    public DocumentWriter Moment(string name, long? unixMs) => Text(name, unixMs is { } ms ? MomentText(ms) : null);

    public DocumentWriter Texts(string name, IEnumerable<string> values)
    {
        Json.WriteStartArray(name);
        foreach (var value in values) Json.WriteStringValue(value);
        Json.WriteEndArray();
        return this;
    }

    public static string MomentText(long unixMs) =>
        DateTimeOffset.FromUnixTimeMilliseconds(Math.Clamp(unixMs, 0, MaxUnixMs)).UtcDateTime
            .ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    public void Dispose() => Json.Dispose();

    // The last millisecond of the year 9999, the end of what the calendar type holds.
    private const long MaxUnixMs = 253_402_300_799_999;
}
