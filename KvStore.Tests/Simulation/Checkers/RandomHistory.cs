using KvStore.Core.Primitives;

namespace KvStore.Tests.Simulation.Checkers;

/// <summary>
/// Histories of one register that is right by construction: each operation takes effect at one tick between its invocation
/// and its return. <see cref="UnknownPercent"/> of the writes never return, half of them without effect.
/// </summary>
internal sealed class RandomHistory(ulong seed)
{
    private readonly Prng _random = new(seed);
    private readonly List<RegisterOperation> _done = [];
    private readonly List<string> _revisionsSeen = [];
    private string? _value;
    private string? _revision;
    private long _tick;
    private ulong _index;

    public int Clients { get; init; } = 4;

    public int UnknownPercent { get; init; }

    /// <summary>How many different values are written; more than one write of a value leaves open which one a get saw.</summary>
    public int Values { get; init; } = int.MaxValue;

    /// <summary>Unconditional deletes; conditional ones come with them.</summary>
    public int DeletePercent { get; init; } = 10;

    /// <summary>Whether answers carry revisions; without them there are no if-version operations.</summary>
    public bool WithRevisions { get; init; } = true;

    /// <summary>Whether a delete says if it found the key, and a failed condition what it met.</summary>
    public bool WithDetails { get; init; } = true;

    public List<RegisterOperation> Generate(int operations)
    {
        var open = new RegisterOperation?[Clients];
        var applied = new bool[Clients];
        for (var started = 0; started < operations || open.Any(o => o is not null);)
        {
            var client = _random.Next(Clients);
            _tick++;
            if (open[client] is not { } operation)
            {
                if (started >= operations) continue;
                open[client] = Start(client, started++);
                applied[client] = false;
            }
            else if (!applied[client])
            {
                applied[client] = true;
                open[client] = IsCutOff(operation) ? operation with { Outcome = RegisterOutcome.Unknown } : Apply(operation);
                if (open[client]!.Outcome == RegisterOutcome.Unknown && _random.Chance(1, 2)) Apply(operation);
            }
            else
            {
                _done.Add(operation with { ReturnedAt = operation.Outcome == RegisterOutcome.Unknown ? long.MaxValue : _tick });
                if (operation.Revision is { } seen) _revisionsSeen.Add(seen);
                open[client] = null;
            }
        }

        return _done;
    }

    private bool IsCutOff(RegisterOperation operation) => operation.Action != RegisterAction.Get && _random.Next(100) < UnknownPercent;

    private RegisterOperation Start(int client, int number)
    {
        var pick = _random.Next(100);
        var action = pick < DeletePercent ? RegisterAction.Delete
            : pick < 50 ? RegisterAction.Get
            : pick < 75 ? RegisterAction.Put
            : pick < 80 ? RegisterAction.PutIfAbsent
            : !WithRevisions || _revisionsSeen.Count == 0 ? RegisterAction.Get
            : pick < 97 || DeletePercent == 0 ? RegisterAction.PutIfVersion : RegisterAction.DeleteIfVersion;
        return new RegisterOperation
        {
            Client = client,
            Key = "k",
            Action = action,
            Outcome = RegisterOutcome.Ok,
            InvokedAt = _tick,
            Value = action is RegisterAction.Put or RegisterAction.PutIfAbsent or RegisterAction.PutIfVersion ? $"v{number % Values}" : null,
            Expected = action is RegisterAction.PutIfVersion or RegisterAction.DeleteIfVersion ? _revisionsSeen[^(1 + _random.Next(Math.Min(3, _revisionsSeen.Count)))] : null,
        };
    }

    private RegisterOperation Apply(RegisterOperation operation)
    {
        var told = WithRevisions ? _revision : null;
        switch (operation.Action)
        {
            case RegisterAction.Get:
                return operation with { Value = _value, Revision = told };
            case RegisterAction.PutIfAbsent when _value is not null:
            case RegisterAction.PutIfVersion or RegisterAction.DeleteIfVersion when _revision != operation.Expected:
                return operation with { Outcome = RegisterOutcome.ConditionFailed, Revision = WithDetails ? told : null };
            case RegisterAction.Delete or RegisterAction.DeleteIfVersion:
                bool? existed = WithDetails ? _value is not null : null;
                (_value, _revision) = (null, null);
                return operation with { Existed = existed };
            default:
                (_value, _revision) = (operation.Value, $"1.{++_index}@{_index}");
                return operation with { Revision = WithRevisions ? _revision : null };
        }
    }
}
