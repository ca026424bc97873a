using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace KvStore.Daemon.Ctl.Documents;

/// <summary>A field of a document: present unless it is listed as optional, null where its shape says so.</summary>
internal sealed record Field(string Name, Shape Shape, string Meaning);

/// <summary>What a value in a document may be; writes itself as JSON Schema (draft 2020-12).</summary>
internal sealed class Shape
{
    private static readonly JsonWriterOptions s_indented = new()
    {
        Indented = true,
        NewLine = "\n",
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private readonly Action<Utf8JsonWriter> _write;

    private Shape(Action<Utf8JsonWriter> write) => _write = write;

    public static Shape Flag { get; } = Typed("boolean");

    public static Shape Number { get; } = Typed("number");

    public static Shape Integer { get; } = Typed("integer");

    public static Shape Text { get; } = Typed("string");

    /// <summary>A 64-bit number as a string.</summary>
    public static Shape Wide { get; } = Pattern("^[0-9]+$");

    /// <summary>ISO 8601, UTC, milliseconds.</summary>
    public static Shape Moment { get; } = Pattern("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z$");

    /// <summary>term.index</summary>
    public static Shape Version { get; } = Pattern("^[0-9]+\\.[0-9]+$");

    /// <summary>term.index@milliseconds.counter.node</summary>
    public static Shape Revision { get; } = Pattern("^[0-9]+\\.[0-9]+@[0-9]+\\.[0-9]+\\.n[0-9]+$");

    /// <summary>Bytes of a key or a value.</summary>
    public static Shape Bytes { get; } = new(json =>
    {
        json.WriteString("type", "object");
        json.WriteNumber("minProperties", 1);
        json.WriteNumber("maxProperties", 1);
        json.WriteStartObject("properties");
        foreach (var name in (string[])["utf8", "base64"])
        {
            json.WriteStartObject(name);
            Text._write(json);
            json.WriteEndObject();
        }

        json.WriteEndObject();
        json.WriteBoolean("additionalProperties", false);
    });

    public static Shape Pattern(string regex) => new(json =>
    {
        json.WriteString("type", "string");
        json.WriteString("pattern", regex);
    });

    public static Shape OneOf(params string[] words) => new(json =>
    {
        json.WriteStartArray("enum");
        foreach (var word in words) json.WriteStringValue(word);
        json.WriteEndArray();
    });

    public static Shape List(Shape item) => new(json =>
    {
        json.WriteString("type", "array");
        Nested(json, "items", item);
    });

    /// <summary>An object whose names are data.</summary>
    public static Shape Map(Shape value) => new(json =>
    {
        json.WriteString("type", "object");
        Nested(json, "additionalProperties", value);
    });

    public static Shape Object(params Field[] fields) => new(json => WriteObject(json, fields, []));

    public Shape OrNull() => new(json =>
    {
        json.WriteStartArray("anyOf");
        json.WriteStartObject();
        _write(json);
        json.WriteEndObject();
        json.WriteStartObject();
        json.WriteString("type", "null");
        json.WriteEndObject();
        json.WriteEndArray();
    });

    /// <summary>The JSON Schema of a whole document, `schema` and `ok` included.</summary>
    /// <param name="optional">Fields that only some of these documents have.</param>
    public static string Document(string name, bool ok, string meaning, Field[] fields, params Field[] optional)
    {
        var bytes = new ArrayBufferWriter<byte>();
        using var json = new Utf8JsonWriter(bytes, s_indented);
        json.WriteStartObject();
        json.WriteString("$schema", "https://json-schema.org/draft/2020-12/schema");
        json.WriteString("$id", name);
        json.WriteString("description", meaning);
        WriteObject(json, [
            new("schema", OneOf(name), "which kind of document this is, and its version"),
            new("ok", new Shape(j => j.WriteBoolean("const", ok)), "whether the request was done"),
            .. fields], optional);
        json.WriteEndObject();
        json.Flush();
        return Encoding.UTF8.GetString(bytes.WrittenSpan) + "\n";
    }

    private static Shape Typed(string type) => new(json => json.WriteString("type", type));

    // Fields may be added to a document later: a reader ignores the names it does not know.
    private static void WriteObject(Utf8JsonWriter json, Field[] fields, Field[] optional)
    {
        json.WriteString("type", "object");
        json.WriteStartObject("properties");
        foreach (var field in (IEnumerable<Field>)[.. fields, .. optional])
        {
            json.WriteStartObject(field.Name);
            json.WriteString("description", field.Meaning);
            field.Shape._write(json);
            json.WriteEndObject();
        }

        json.WriteEndObject();
        json.WriteStartArray("required");
        foreach (var field in fields) json.WriteStringValue(field.Name);
        json.WriteEndArray();
    }

    private static void Nested(Utf8JsonWriter json, string name, Shape shape)
    {
        json.WriteStartObject(name);
        shape._write(json);
        json.WriteEndObject();
    }
}
