using KvStore.Core.Raft;

namespace KvStore.Core.Node;

/// <summary>
/// What of a leader's appends one replica takes now. While a snapshot replaces the state, nothing may come to the log that it will reset.
/// Entries with records that could not be applied for want of room, or for which a full disk might have no log, are not taken; entries without are, and what comes before them, for a new primary needs them.
/// The leader is told when there is room again (docs/decisions/006-room.md).
/// </summary>
internal sealed class Intake(Shard shard, RaftNode raft, ApplyQueue applies)
{
    private const long LookForRoomMs = 5;
    private const int None = -1;

    /// <summary>How large what was turned away last was; None if nothing was since.</summary>
    private int _turnedAwayBytes = None;

    /// <summary>A snapshot is replacing the state.</summary>
    public bool IsInstalling { get; set; }

    /// <summary>When to call <see cref="HasRoomAgain"/>, in the shard's ms; long.MaxValue if nothing waits for room.</summary>
    public long NextLookMs => _turnedAwayBytes != None || (applies.WaitsForRoom && !IsInstalling) ? shard.NowMs + LookForRoomMs : long.MaxValue;

    private bool IsEngineFull => shard.Context.Storage().IsFull;

    private bool HasRoomFor(int bytes) => !IsInstalling && !applies.IsFull && !IsEngineFull && shard.LogHasRoomFor(bytes);

    /// <summary>Reads what Raft wants to know of an append's entries.</summary>
    /// <param name="entries">As they came.</param>
    /// <param name="count">How many there should be.</param>
    /// <param name="meta">Of each.</param>
    /// <param name="room">How many from the first can be taken.</param>
    /// <returns>False if they are not well-formed.</returns>
    public bool TryRead(ReadOnlySpan<byte> entries, int count, out ReadOnlySpan<EntryMeta> meta, out int room)
    {
        room = IsInstalling ? 0 : int.MaxValue;
        var size = entries.Length;
        var isFull = count > 0 && !HasRoomFor(size);
        if (shard.MetaScratch.Length < count) shard.MetaScratch = new EntryMeta[Math.Max(count, shard.MetaScratch.Length * 2)];
        var scratch = shard.MetaScratch;
        meta = scratch.AsSpan(0, count);
        for (var i = 0; i < count; i++)
        {
            if (!RaftBatch.TryTakeEntry(ref entries, out var term, out var payload) || !EntryCheck.IsWellFormed(payload)) return false;
            var kind = (EntryKind)payload[0];
            if (isFull && !IsInstalling) room = kind == EntryKind.Write ? Math.Min(room, i) : int.MaxValue;
            scratch[i] = new EntryMeta(term, payload.Length, kind == EntryKind.Configuration);
        }

        if (room < count) _turnedAwayBytes = size;
        return true;
    }

    /// <summary>Tells the leader that there is room again. True if something has waited for that, decided entries too.</summary>
    public bool HasRoomAgain()
    {
        var wasTurnedAway = _turnedAwayBytes != None && HasRoomFor(_turnedAwayBytes);
        if (wasTurnedAway)
        {
            _turnedAwayBytes = None;
            raft.ReportRoom();
        }

        return wasTurnedAway || (applies.WaitsForRoom && !IsInstalling && !IsEngineFull);
    }
}
