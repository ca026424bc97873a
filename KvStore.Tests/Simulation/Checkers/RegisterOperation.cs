using System.Globalization;

namespace KvStore.Tests.Simulation.Checkers;

/// <summary>
/// One operation of one client on one key, as the client saw it. Times are of one clock for all clients (see
/// <see cref="HistoryRecorder"/>); an operation precedes another if it returned before the other was invoked.
/// </summary>
internal sealed record RegisterOperation
{
    public required int Client { get; init; }

    public required string Key { get; init; }

    public required RegisterAction Action { get; init; }

    public required RegisterOutcome Outcome { get; init; }

    public required long InvokedAt { get; init; }

    /// <summary>Not looked at when the outcome is unknown.</summary>
    public long ReturnedAt { get; init; } = long.MaxValue;

    /// <summary>What a put wrote; what a get returned, null when the key was absent.</summary>
    public string? Value { get; init; }

    /// <summary>The revision that an if-version operation demands.</summary>
    public string? Expected { get; init; }

    /// <summary>The revision that a write was given, that a get returned, or that a failed condition met; null where the answer did not say.</summary>
    public string? Revision { get; init; }

    /// <summary>Whether a delete that succeeded found the key; null where the answer did not say.</summary>
    public bool? Existed { get; init; }

    public override string ToString()
    {
        var what = Action switch
        {
            RegisterAction.Get => Outcome == RegisterOutcome.Ok ? $"get -> {Value ?? "absent"}" : "get",
            RegisterAction.Put => $"put {Value}",
            RegisterAction.PutIfAbsent => $"put-if-absent {Value}",
            RegisterAction.PutIfVersion => $"put-if-version {Expected} {Value}",
            RegisterAction.DeleteIfVersion => $"delete-if-version {Expected}",
            _ => Existed is { } existed ? $"delete (existed: {existed})" : "delete",
        };
        var end = Outcome == RegisterOutcome.Unknown ? "..." : ReturnedAt.ToString(CultureInfo.InvariantCulture);
        return $"client {Client}: {what}{(Revision is null ? "" : $" @{Revision}")}{(Outcome == RegisterOutcome.Ok ? "" : $" {Outcome}")} [{InvokedAt}, {end}]";
    }
}
