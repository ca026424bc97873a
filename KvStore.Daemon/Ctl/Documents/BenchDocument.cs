using System.Globalization;
using System.Text;
using KvStore.Daemon.Ctl.Load;
using KvStore.Daemon.Ctl.Output;

namespace KvStore.Daemon.Ctl.Documents;

/// <summary>What a load run measured.</summary>
internal static class BenchDocument
{
    public const string Schema = "kvd.bench/1";

    private static readonly (string Field, string Label, double Quantile)[] s_quantiles =
        [("p50", "p50", 0.50), ("p95", "p95", 0.95), ("p99", "p99", 0.99), ("p999", "p99.9", 0.999)];

    public static DocumentWriter Json(BenchResult result)
    {
        var document = new DocumentWriter(Schema, ok: true)
            .Wide("ops", (ulong)result.Ops)
            .Fraction("seconds", result.Elapsed.TotalSeconds, digits: 3)
            .Fraction("ops_per_second", result.OpsPerSecond, digits: 1);
        document.Json.WriteStartObject("errors");
        foreach (var (code, count) in result.Errors.OrderBy(e => e.Key, StringComparer.Ordinal)) document.Wide(code, (ulong)count);
        document.Json.WriteEndObject();
        document.Json.WriteStartObject("latency_us");
        foreach (var (field, _, quantile) in s_quantiles) document.Fraction(field, result.Latencies.QuantileNs(quantile) / 1000.0, digits: 1);
        document.Fraction("max", result.Latencies.MaxNs / 1000.0, digits: 1);
        document.Json.WriteEndObject();
        return document.Fraction("client_cpu", result.ClientCpu, digits: 3);
    }

    public static string Text(BenchResult result)
    {
        var text = new StringBuilder();
        text.Append(HumanText.Invariant($"{HumanText.Count(result.Ops)} operations in {result.Elapsed.TotalSeconds:F1} s: {HumanText.Count((long)result.OpsPerSecond)} per second\n"));
        var latencies = s_quantiles.Select(q => $"{q.Label} {Microseconds(result.Latencies.QuantileNs(q.Quantile))}");
        text.Append($"latency: {string.Join(", ", latencies)}, max {Microseconds(result.Latencies.MaxNs)}\n");
        text.Append(result.Errors.Count == 0 ? "errors: none\n" : "errors:\n");
        foreach (var (code, count) in result.Errors.OrderBy(e => e.Key, StringComparer.Ordinal)) text.Append($"  {code} {HumanText.Count(count)}\n");
        text.Append($"this client used {HumanText.Percent(result.ClientCpu)} of the processors\n");
        return text.ToString();
    }

    public static string JsonSchema() => Shape.Document(
        Schema, ok: true, "What a closed-loop load measured.",
        [
            new("ops", Shape.Wide, "operations that succeeded"),
            new("seconds", Shape.Number, "how long it took"),
            new("ops_per_second", Shape.Number, "their rate"),
            new("errors", Shape.Map(Shape.Wide), "operations that failed, by the name of the error"),
            new("latency_us", Shape.Object(
                new Field("p50", Shape.Number, "median"),
                new Field("p95", Shape.Number, "95 of 100 took no longer"),
                new Field("p99", Shape.Number, "99 of 100 took no longer"),
                new Field("p999", Shape.Number, "999 of 1000 took no longer"),
                new Field("max", Shape.Number, "the longest")), "of the operations that succeeded, microseconds"),
            new("client_cpu", Shape.Number, "the load generator's share of the machine's processors, 0 to 1"),
        ]);

    private static string Microseconds(long ns) => string.Create(CultureInfo.InvariantCulture, $"{ns / 1000.0:F0} us");
}
