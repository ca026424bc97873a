using System.Text;
using KvStore.Core.Primitives;
using KvStore.Core.Storage;
using Shouldly;

namespace KvStore.Tests.Storage;

/// <summary>One operation of an entry.</summary>
internal sealed record ModelOperation(string Key, byte[]? Value, long ExpiresAtMs);

/// <summary>What a partition must hold: all its entries, from which the state at any index follows.</summary>
internal sealed class EngineModel(PartitionId id)
{
    private readonly List<List<ModelOperation>> _entries = [];

    public PartitionId Id { get; } = id;

    /// <summary>Index of the last entry.</summary>
    public ulong Last => (ulong)_entries.Count;

    /// <summary>Index of the entry up to which the engine said that everything is durable.</summary>
    public ulong Durable { get; set; }

    public string ConfigurationAt(ulong index) => $"configuration {index / 10}";

    /// <summary>Draws an entry and applies it.</summary>
    public void Apply(PartitionStore store, Prng random)
    {
        var operations = new List<ModelOperation>();
        for (var count = random.Next(5); count > 0; count--) operations.Add(Draw(random));
        _entries.Add(operations);
        Replay(store, Last);
    }

    /// <summary>Applies an entry (again).</summary>
    public void Replay(PartitionStore store, ulong index)
    {
        foreach (var operation in _entries[(int)index - 1])
        {
            var info = Records.Info(index, operation.ExpiresAtMs);
            if (operation.Value is { } value) store.Put(new LogIndex(index), Records.Key(operation.Key), value, info);
            else store.Delete(new LogIndex(index), Records.Key(operation.Key), info);
        }

        if (ConfigurationAt(index) != ConfigurationAt(index - 1)) store.SetConfiguration(Encoding.UTF8.GetBytes(ConfigurationAt(index)));
        store.Publish(Records.State(index));
    }

    /// <summary>Applies what the log has and the engine has not.</summary>
    public void ReplayRest(PartitionStore store)
    {
        for (var index = store.Applied.Index.Value + 1; index <= Last; index++) Replay(store, index);
    }

    /// <summary>The newest record of each key that entries up to <paramref name="index"/> wrote.</summary>
    public SortedDictionary<string, (ulong Index, ModelOperation Operation)> StateAt(ulong index)
    {
        var state = new SortedDictionary<string, (ulong, ModelOperation)>(StringComparer.Ordinal);
        for (ulong i = 1; i <= index; i++)
            foreach (var operation in _entries[(int)i - 1]) state[operation.Key] = (i, operation);
        return state;
    }

    /// <summary>Takes over what another partition holds, as a snapshot does.</summary>
    public void BecomeCopyOf(EngineModel other, ulong index)
    {
        _entries.Clear();
        _entries.AddRange(other._entries.Take((int)index));
        Durable = index;
    }

    public void CheckAll(PartitionStore store)
    {
        var index = store.Applied.Index.Value;
        var expected = StateAt(index);
        Encoding.UTF8.GetString(store.Configuration).ShouldBe(ConfigurationAt(index));
        using var view = store.Pin();
        view.ReadIndex.Value.ShouldBe(index);
        var records = view.Scan([], [], false);
        foreach (var (key, entry) in expected)
        {
            records.MoveNext().ShouldBeTrue($"{Id}: {key} is missing at {index}");
            Encoding.UTF8.GetString(records.Key).ShouldBe(key);
            CheckRecord(entry, records.Info, records.Value, index);
        }

        records.MoveNext().ShouldBeFalse();
    }

    public void CheckGet(PartitionStore store, string key)
    {
        using var view = store.Pin();
        var index = view.ReadIndex.Value;
        var found = view.TryGet(Records.Key(key), false, out var info, out var value);
        var expected = StateAt(index);
        found.ShouldBe(expected.ContainsKey(key), $"{Id}: {key} at {index}");
        if (found) CheckRecord(expected[key], info, value, index);
    }

    public void CheckScan(PartitionStore store, string start, string end)
    {
        using var view = store.Pin();
        var expected = StateAt(view.ReadIndex.Value).Keys
            .Where(key => string.CompareOrdinal(key, start) >= 0 && (end.Length == 0 || string.CompareOrdinal(key, end) < 0));
        var found = new List<string>();
        var records = view.Scan(Records.Key(start), Records.Key(end), false);
        while (records.MoveNext()) found.Add(Encoding.UTF8.GetString(records.Key));
        found.ShouldBe(expected);
    }

    private static void CheckRecord((ulong Index, ModelOperation Operation) expected, RecordInfo info, ReadOnlySpan<byte> value, ulong readIndex)
    {
        var (index, operation) = expected;
        info.ShouldBe(Records.Info(index, operation.ExpiresAtMs) with { IsTombstone = operation.Value is null });

        // Compaction leaves out the value of a record that expired by log time.
        var isExpired = operation.ExpiresAtMs != 0 && (ulong)operation.ExpiresAtMs <= Records.State(readIndex).LogTime >> 16;
        if (isExpired && value.IsEmpty) return;
        value.SequenceEqual(operation.Value ?? []).ShouldBeTrue($"value of {operation.Key}");
    }

    private static ModelOperation Draw(Prng random)
    {
        var key = $"key-{random.Next(60):D3}{new string('x', random.Next(3) * random.Next(30))}";
        if (random.Chance(1, 4)) return new ModelOperation(key, null, 0);
        var length = random.Chance(1, 40) ? random.Next(40_000) : random.Next(300);
        var value = Records.Value(random, length);
        if (random.Chance(1, 2)) value.AsSpan(0, length / 2).Clear();
        var expiry = random.Chance(1, 8) ? 1_000_000 + random.Next(400) : 0;
        return new ModelOperation(key, value, expiry);
    }
}
