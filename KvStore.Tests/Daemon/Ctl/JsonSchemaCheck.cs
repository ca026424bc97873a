using System.Text.Json;
using System.Text.RegularExpressions;

namespace KvStore.Tests.Daemon.Ctl;

/// <summary>Checks a value against the part of JSON Schema (draft 2020-12) that kvctl's schemas use; any other word in a schema is an error.</summary>
internal static class JsonSchemaCheck
{
    /// <summary>What is wrong, one sentence each, with the place; empty if all is well. Fields that the schema does not name count as wrong.</summary>
    public static List<string> Errors(JsonElement schema, JsonElement value, string place = "$")
    {
        var errors = new List<string>();
        foreach (var word in schema.EnumerateObject())
        {
            // Words about another type than the value's say nothing of it.
            if (word.Name is "pattern" && value.ValueKind != JsonValueKind.String) continue;
            if (word.Name is "minProperties" or "maxProperties" or "required" && value.ValueKind != JsonValueKind.Object) continue;
            if (word.Name is "items" && value.ValueKind != JsonValueKind.Array) continue;
            switch (word.Name)
            {
                case "$schema" or "$id" or "description": break;
                case "type": Require(HasType(value, word.Value.GetString()!), $"is no {word.Value}"); break;
                case "const": Require(JsonElement.DeepEquals(word.Value, value), $"is not {word.Value}"); break;
                case "enum": Require(word.Value.EnumerateArray().Any(v => JsonElement.DeepEquals(v, value)), $"is not among {word.Value}"); break;
                case "pattern": Require(Regex.IsMatch(value.GetString()!, word.Value.GetString()!), $"'{value}' does not match {word.Value}"); break;
                case "minProperties": Require(value.GetPropertyCount() >= word.Value.GetInt32(), "has too few fields"); break;
                case "maxProperties": Require(value.GetPropertyCount() <= word.Value.GetInt32(), "has too many fields"); break;
                case "required":
                    foreach (var name in word.Value.EnumerateArray()) Require(value.TryGetProperty(name.GetString()!, out _), $"has no {name}");
                    break;
                case "items":
                    foreach (var (i, item) in value.EnumerateArray().Index()) errors.AddRange(Errors(word.Value, item, $"{place}[{i}]"));
                    break;
                case "anyOf":
                    Require(word.Value.EnumerateArray().Any(s => Errors(s, value, place).Count == 0), $"{value} fits no alternative");
                    break;
                case "properties" or "additionalProperties": break;
                default: errors.Add($"{place}: the schema says '{word.Name}', which this check does not know"); break;
            }
        }

        if (value.ValueKind == JsonValueKind.Object && !schema.TryGetProperty("anyOf", out _)) errors.AddRange(FieldErrors(schema, value, place));
        return errors;

        void Require(bool condition, string what)
        {
            if (!condition) errors.Add($"{place} {what}");
        }
    }

    private static IEnumerable<string> FieldErrors(JsonElement schema, JsonElement value, string place)
    {
        foreach (var field in value.EnumerateObject())
        {
            if (schema.TryGetProperty("properties", out var fields) && fields.TryGetProperty(field.Name, out var shape))
            {
                foreach (var error in Errors(shape, field.Value, $"{place}.{field.Name}")) yield return error;
            }
            else if (schema.TryGetProperty("additionalProperties", out var other) && other.ValueKind == JsonValueKind.Object)
            {
                foreach (var error in Errors(other, field.Value, $"{place}.{field.Name}")) yield return error;
            }
            else
            {
                yield return $"{place}.{field.Name} is not in the schema";
            }
        }
    }

    private static bool HasType(JsonElement value, string type) => type switch
    {
        "object" => value.ValueKind == JsonValueKind.Object,
        "array" => value.ValueKind == JsonValueKind.Array,
        "string" => value.ValueKind == JsonValueKind.String,
        "boolean" => value.ValueKind is JsonValueKind.True or JsonValueKind.False,
        "null" => value.ValueKind == JsonValueKind.Null,
        "number" => value.ValueKind == JsonValueKind.Number,
        "integer" => value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out _),
        _ => false,
    };
}
