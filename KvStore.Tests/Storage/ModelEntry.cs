using KvStore.Core.Primitives;

namespace KvStore.Tests.Storage;

/// <summary>One operation of an entry; no value means deletion.</summary>
internal sealed record ModelOperation(string Key, byte[]? Value, long ExpiresAtMs);

/// <summary>One entry of a partition's log, drawn at random.</summary>
/// <param name="Floor">The partition's floor from this entry on.</param>
internal sealed record ModelEntry(ulong Term, IReadOnlyList<ModelOperation> Operations, ulong Floor)
{
    public const int Keys = 60;

    /// <summary>Up to four operations; now and then the floor is raised, to <paramref name="highestFloor"/> at most.</summary>
    public static ModelEntry Draw(Prng random, ulong term, ulong floor, ulong highestFloor)
    {
        var operations = new List<ModelOperation>();
        for (var count = random.Next(5); count > 0; count--) operations.Add(DrawOperation(random));
        if (highestFloor > floor && random.Chance(1, 30)) floor += 1 + (random.NextUInt64() % (highestFloor - floor));
        return new ModelEntry(term, operations, floor);
    }

    private static ModelOperation DrawOperation(Prng random)
    {
        var key = $"key-{random.Next(Keys):D3}{new string('x', random.Next(3) * random.Next(30))}";
        if (random.Chance(1, 4)) return new ModelOperation(key, null, 0);
        var length = random.Chance(1, 40) ? random.Next(40_000) : random.Next(300);
        var value = Records.Value(random, length);
        if (random.Chance(1, 2)) value.AsSpan(0, length / 2).Clear();
        var expiry = random.Chance(1, 8) ? 1_000_000 + random.Next(400) : 0;
        return new ModelOperation(key, value, expiry);
    }
}
