using System.Text;
using KvStore.Core.Primitives;
using KvStore.Core.Storage;

namespace KvStore.Tests.Storage;

/// <summary>Makes keys, values and record infos for tests.</summary>
internal static class Records
{
    public static byte[] Key(string text) => Encoding.UTF8.GetBytes(text);

    public static RecordInfo Info(ulong index, long expiresAtMs = 0, ulong term = 1) => new(
        new Revision(new KvStore.Core.Primitives.Version(new Term(term), new LogIndex(index)), HybridTimestamp.FromWallMs(1_000_000 + (long)index, 7, new NodeId(2))),
        expiresAtMs, false);

    public static AppliedState State(ulong index, ulong term = 1) => new(new LogIndex(index), new Term(term), (1_000_000 + index) << 16);

    public static byte[] Value(Prng random, int length)
    {
        var value = new byte[length];
        random.Fill(value);
        return value;
    }

    /// <summary>Applies one put as an entry of its own.</summary>
    public static void Put(this PartitionStore store, ulong index, string key, string value)
    {
        store.Put(new LogIndex(index), Key(key), Key(value), Info(index));
        store.Publish(State(index));
    }

    public static void Delete(this PartitionStore store, ulong index, string key)
    {
        store.Delete(new LogIndex(index), Key(key), Info(index));
        store.Publish(State(index));
    }

    /// <summary>The value of a live record as text; null if there is none.</summary>
    public static string? Get(this PartitionStore store, string key, bool includeOverlay = false)
    {
        using var view = store.Pin();
        return view.TryGet(Key(key), includeOverlay, out var info, out var value) && !info.IsTombstone ? Encoding.UTF8.GetString(value) : null;
    }

    /// <summary>All live records as "key=value" joined by blanks.</summary>
    public static string Dump(this PartitionStore store, string start = "", string end = "", bool includeOverlay = false)
    {
        using var view = store.Pin();
        var records = new List<string>();
        var all = view.Scan(Key(start), Key(end), includeOverlay);
        while (all.MoveNext())
            if (!all.Info.IsTombstone) records.Add($"{Encoding.UTF8.GetString(all.Key)}={Encoding.UTF8.GetString(all.Value)}");
        return string.Join(' ', records);
    }
}
