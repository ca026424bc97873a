using System.Globalization;
using System.Text.Json;
using KvStore.Core.Primitives;
using KvStore.Protocol.Messages;
using KvStore.Tests.Chaos.Nodes;
using KvStore.Tests.Processes;
using KvStore.Tests.Simulation.Checkers;
using KvStore.Tests.Simulation.Runs;

namespace KvStore.Tests.Chaos.Load;

/// <summary>
/// A client that runs the real kvctl for each request and believes its JSON. The exit status must go with it: 5 if and only if a write was
/// not applied, 6 if and only if nobody knows.
/// </summary>
internal sealed class KvctlClient(int number, string[] endpoints, KeySpace keys, ChaosHistory history, ChaosJournal journal, Prng random)
{
    private const int Found = 0;
    private const int NotFound = 3;
    private const int ConditionFailed = 4;
    private const int Refused = 5;
    private const int OutcomeUnknown = 6;
    private const int NobodyReached = 8;

    private static readonly Operation[] Operations =
    [
        Operation.StrongPut, Operation.StrongPut, Operation.FastPut, Operation.PutIfAbsent, Operation.PutIfRevision, Operation.StrongDelete,
        Operation.FastDelete, Operation.DeleteIfRevision, Operation.QuorumGet, Operation.QuorumGet, Operation.LocalGet,
    ];

    private readonly Dictionary<string, string> _known = [];
    private int _asked;

    public async Task RunAsync(int thinkMs, CancellationToken stop)
    {
        using var pause = new PeriodicTimer(TimeSpan.FromMilliseconds(thinkMs));
        try
        {
            while (await pause.WaitForNextTickAsync(stop)) await Task.Run(Ask, CancellationToken.None);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
        }
        catch (Exception failure)
        {
            journal.Problem("clients", $"kvctl client {number}: {failure}");
        }
    }

    private void Ask()
    {
        var operation = Operations[random.Next(Operations.Length)];
        var key = keys.Draw(operation, random);
        if (operation is Operation.QuorumGet or Operation.LocalGet) Get(key, operation == Operation.QuorumGet ? ReadConsistency.Quorum : ReadConsistency.Local);
        else Write(operation, key);
    }

    private void Get(string key, ReadConsistency consistency)
    {
        var invokedNs = journal.NowNs;
        var (result, document) = Run("get", key, $"--{consistency.Name()}");
        if (document is not { } json) return;
        if (!IsOk(json))
        {
            Expect(result, ErrorOf(json) == KvError.Unreachable ? NobodyReached : Refused);
            history.AddReadError($"kvctl client {number} get {key}", ErrorOf(json), OutcomeOf(json, Outcome.None));
            return;
        }

        var isThere = json.GetProperty("found").GetBoolean();
        Expect(result, isThere ? Found : NotFound);
        var revision = RevisionOf(json, "revision");
        Learn(key, revision);
        history.Add(new ObservedRead
        {
            Client = number,
            Key = key,
            Partition = ChaosHistory.PartitionOf(key),
            Consistency = consistency,
            Achieved = Text(json, "achieved") == "quorum" ? ReadConsistency.Quorum : ReadConsistency.Local,
            InvokedNs = invokedNs,
            CompletedNs = journal.NowNs,
            Value = isThere ? TaggedValue.WordOf(System.Text.Encoding.UTF8.GetBytes(json.GetProperty("value").GetProperty("utf8").GetString()!)) : null,
            Revision = revision,
            StalenessMs = json.GetProperty("staleness_ms") is { ValueKind: JsonValueKind.Number } bound ? bound.GetUInt64() : null,
            ServedBy = Text(json, "served_by") is { } node ? NodeOf(node) : (ushort)0,
        });
    }

    private void Write(Operation operation, string key)
    {
        var known = _known.GetValueOrDefault(key);
        var isDelete = operation is Operation.StrongDelete or Operation.FastDelete or Operation.DeleteIfRevision;
        var isFast = operation is Operation.FastPut or Operation.FastDelete;
        var value = $"k{number}.{++_asked}";
        List<string> arguments = isDelete ? ["delete", key] : ["put", key, value];
        var condition = WriteCondition.None;
        if (operation == Operation.PutIfAbsent)
        {
            condition = WriteCondition.IfAbsent;
            arguments.Add("--if-absent");
        }
        else if (operation is Operation.PutIfRevision or Operation.DeleteIfRevision && known is not null)
        {
            condition = WriteCondition.IfRevision(WireRevision.Parse(known));
            arguments.AddRange(["--if-version", known]);
        }

        if (condition.Kind == ConditionKind.None) arguments.Add(isFast ? "--fast" : "--strong");
        var write = new ObservedWrite
        {
            Client = number,
            Key = key,
            Partition = ChaosHistory.PartitionOf(key),
            Value = isDelete ? null : value,
            Mode = isFast ? WriteMode.Fast : WriteMode.Strong,
            Condition = condition,
            Outcome = Outcome.Unknown,
            InvokedNs = journal.NowNs,
        };
        var (result, document) = Run([.. arguments]);
        if (document is { } json)
        {
            write = Ended(write, json) with { CompletedNs = journal.NowNs };
            Expect(result, ExitCodeFor(write));
        }

        Learn(key, write.Revision);
        history.Add(write);
    }

    private static int ExitCodeFor(ObservedWrite write) => write.Outcome switch
    {
        Outcome.Applied => Found,
        Outcome.Unknown => OutcomeUnknown,
        _ => write.Error switch
        {
            KvError.ConditionFailed => ConditionFailed,
            KvError.Unreachable => NobodyReached,
            _ => Refused,
        },
    };

    private static ObservedWrite Ended(ObservedWrite write, JsonElement json) => IsOk(json)
        ? write with
        {
            Outcome = OutcomeOf(json, Outcome.None),
            Revision = RevisionOf(json, "revision"),
            Existed = json.TryGetProperty("existed", out var existed) && existed.GetBoolean(),
            Achieved = Text(json, "achieved") == "strong" ? WriteMode.Strong : WriteMode.Fast,
            Primary = Text(json, "primary") is { } primary ? NodeOf(primary) : (ushort)0,
            AckedBy = [.. json.GetProperty("acked_by").EnumerateArray().Select(node => NodeOf(node.GetString()!))],
        }
        : write with { Outcome = OutcomeOf(json, Outcome.None), Error = ErrorOf(json), Revision = RevisionOf(json, "current_revision") };

    private (CtlResult Result, JsonElement? Json) Run(params string[] arguments)
    {
        var nodes = endpoints.OrderBy(_ => random.NextUInt64());
        var timeout = $"{random.Next(500, 4_000).ToString(CultureInfo.InvariantCulture)}ms";
        var result = Kvctl.Run(string.Join(',', nodes), [.. arguments, "--json", "--timeout", timeout]);
        if (result.Out.Length > 0) return (result, result.Json);
        journal.Problem("exit-status", $"kvctl {string.Join(' ', arguments)} printed no document: {result}");
        return (result, null);
    }

    private void Expect(CtlResult result, int exitCode)
    {
        if (result.ExitCode != exitCode) journal.Problem("exit-status", $"kvctl should have ended with {exitCode}: {result}");
    }

    private void Learn(string key, WireRevision revision)
    {
        if (!revision.IsNone) _known[key] = revision.ToString();
    }

    private static bool IsOk(JsonElement json) => json.GetProperty("ok").GetBoolean();

    private static string? Text(JsonElement json, string name) => json.TryGetProperty(name, out var text) ? text.GetString() : null;

    private static WireRevision RevisionOf(JsonElement json, string name) => Text(json, name) is { } text ? WireRevision.Parse(text) : WireRevision.None;

    private static KvError ErrorOf(JsonElement json) => Enum.GetValues<KvError>().FirstOrDefault(e => e.Name() == Text(json, "error"), KvError.Internal);

    private static Outcome OutcomeOf(JsonElement json, Outcome none) => Text(json, "outcome") switch
    {
        "applied" => Outcome.Applied,
        "not_applied" => Outcome.NotApplied,
        "unknown" => Outcome.Unknown,
        _ => none,
    };

    /// <summary>Nodes are called n1, n2 ... by number.</summary>
    private static ushort NodeOf(string name) => ushort.Parse(name.AsSpan(1), CultureInfo.InvariantCulture);
}
