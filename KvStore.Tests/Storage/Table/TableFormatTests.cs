using KvStore.Core.Primitives;
using KvStore.Core.Storage;
using KvStore.Core.Storage.Table;
using KvStore.Tests.Simulation;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Storage.Table;

/// <summary>The format is a contract: the example in docs/storage-format.md is what the code writes, and what it reads.</summary>
public sealed class TableFormatTests
{
    private const string Path = "/t/000007.sst";
    private static readonly RecordInfo Info = new(
        new Revision(new KvStore.Core.Primitives.Version(new Term(2), new LogIndex(5)), new HybridTimestamp(0x0001020304050607, new NodeId(1))), 0, false);

    [Test]
    public void The_documented_example_is_what_is_written() => Dump(Example(out _)).ShouldBe(DocumentedExample());

    [Test]
    public void The_documented_example_is_read()
    {
        Example(out var table);
        var disk = new SimDisk(1);
        disk.CreateDirectory("/t");
        disk.SetContent(Path, Convert.FromHexString(string.Concat(DocumentedExample().Split('\n').Where(line => line.Length > 0).Select(line => line[6..])).Replace(" ", "", StringComparison.Ordinal)));
        using var cache = new BlockCache(1 << 20, poison: true);
        using var reader = TableReader.Open(disk, Path, table, cache);
        var key = Key('b');
        reader.Find(key, StableHash.Of(key), BlockAccess.Cached, out var index, out _, out var value, out var held).ShouldBe(Lookup.Found);
        index.ShouldBe(new LogIndex(6));
        value.SequenceEqual("hello"u8).ShouldBeTrue();
        held.Release();
    }

    private static byte[] Example(out TableInfo table)
    {
        var disk = new SimDisk(1);
        disk.CreateDirectory("/t");
        using var writer = new TableWriter(disk, "/t", 7);
        writer.Add(Key('a'), new LogIndex(5), Info with { IsTombstone = true }, []);
        var second = new KvStore.Core.Primitives.Version(new Term(2), new LogIndex(6));
        writer.Add(Key('b'), new LogIndex(6), Info with { Revision = Info.Revision with { Version = second } }, "hello"u8);
        table = writer.Complete();
        return disk.Content(Path);
    }

    private static byte[] Key(char key)
    {
        var bytes = new byte[StorageKey.PrefixBytes + 1];
        StorageKey.WritePrefix(bytes, new PartitionId(3), new Generation(1), StorageKey.UserSpace);
        bytes[^1] = (byte)key;
        return bytes;
    }

    private static string Dump(byte[] bytes) => string.Concat(bytes.Chunk(16).Select((line, i) =>
        $"{i * 16:x4}: {string.Join(' ', line.Select(b => $"{b:x2}"))}\n"));

    private static string DocumentedExample()
    {
        var directory = new DirectoryInfo(TestContext.CurrentContext.TestDirectory);
        while (!File.Exists(System.IO.Path.Combine(directory!.FullName, "kvstore.sln"))) directory = directory.Parent;
        var section = File.ReadAllText(System.IO.Path.Combine(directory.FullName, "docs", "storage-format.md")).Split("### Example of a table")[1];
        return section.Split("```hex\n")[1].Split("```")[0];
    }
}
