using System.Text;
using KvStore.Core.Primitives;
using KvStore.Core.Storage.Wal;
using KvStore.Tests.Simulation;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Storage.Wal;

/// <summary>The format is a contract: the example in docs/storage-format.md is what the code writes, and what it reads.</summary>
[TestFixture]
public sealed class WalFormatTests
{
    private static readonly WalIdentity Identity = new(UInt128.Parse("000102030405060708090a0b0c0d0e0f", System.Globalization.NumberStyles.HexNumber), new NodeId(7), 0x1122334455667788);

    [Test]
    public void The_documented_example_is_what_is_written()
    {
        var (disk, _) = WriteExample();
        Dump(disk.Content(WriteAheadLogTests.SegmentPath(1))).ShouldBe(DocumentedExample());
    }

    [Test]
    public void The_documented_example_can_be_read()
    {
        var disk = new SimDisk(1);
        disk.CreateDirectory(WalHarness.UsualDirectory);
        disk.SetContent(WriteAheadLogTests.SegmentPath(1), Parse(DocumentedExample(), 64 << 10));
        var scheduler = new SimScheduler(1);
        var replay = new WalModel();
        var recovery = WriteAheadLog.Open(disk, WalHarness.UsualDirectory, Options(), Identity, scheduler, scheduler, new WalListenerLog(), replay);
        recovery.Report.LastLsn.ShouldBe(new Lsn(2));
        replay.Groups[3].Log[1].Data.ShouldBe(Convert.ToHexString("hello"u8));
        replay.Groups[3].HardState.ShouldBe(new HardStateRecord(new Term(2), 9, LogIndex.Zero));
    }

    [TestCase("wal-0000000012.wal", 12UL)]
    [TestCase("wal-0000000000.wal", 0UL)]
    [TestCase("wal-12.wal", 0UL)]
    [TestCase("wal-000000001x.wal", 0UL)]
    [TestCase("wal-+000000001.wal", 0UL)]
    [TestCase("wal-0000000012.wal.bak", 0UL)]
    [TestCase("spare.wal", 0UL)]
    public void Only_exact_names_are_segments(string name, ulong number)
    {
        WalFormat.TryParseSegmentName(name, out var parsed).ShouldBe(number > 0);
        if (number == 0) return;
        parsed.ShouldBe(number);
        WalFormat.SegmentName(number).ShouldBe(name);
    }

    [Test]
    public void Opening_names_carry_number_and_epoch()
    {
        WalFormat.TryParseOpeningName(WalFormat.OpeningName(17, 4), out var number, out var epoch).ShouldBeTrue();
        (number, epoch).ShouldBe((17UL, 4UL));
        WalFormat.TryParseOpeningName("opening-1-1.wal", out _, out _).ShouldBeFalse();
    }

    private static WalOptions Options() => new() { SegmentBytes = 64 << 10 };

    private static (SimDisk Disk, WriteAheadLog Log) WriteExample()
    {
        var disk = new SimDisk(1);
        var scheduler = new SimScheduler(1);
        var log = WriteAheadLog.Open(disk, WalHarness.UsualDirectory, Options(), Identity, scheduler, scheduler, new WalListenerLog(), new WalModel()).Log!;
        var buffer = new WalWriteBuffer();
        buffer.AddEntry(new PartitionId(3), new Term(2), new LogIndex(1), "hello"u8);
        buffer.AddHardState(new PartitionId(3), new HardStateRecord(new Term(2), 9, LogIndex.Zero));
        log.Submit(buffer, new WalAddress[2]);
        scheduler.RunUntilIdle();
        return (disk, log);
    }

    /// <summary>Lines of 16 bytes with their offset; lines of zeros are left out.</summary>
    private static string Dump(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder();
        for (var at = 0; at < bytes.Length; at += 16)
        {
            var line = bytes.Slice(at, 16);
            if (!line.ContainsAnyExcept((byte)0)) continue;
            text.Append($"{at:x4}:");
            foreach (var b in line) text.Append($" {b:x2}");
            text.Append('\n');
        }

        return text.ToString();
    }

    private static byte[] Parse(string dump, int length)
    {
        var bytes = new byte[length];
        foreach (var line in dump.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var at = Convert.ToInt32(line[..4], 16);
            Convert.FromHexString(line[5..].Replace(" ", "", StringComparison.Ordinal)).CopyTo(bytes, at);
        }

        return bytes;
    }

    private static string DocumentedExample()
    {
        var directory = new DirectoryInfo(TestContext.CurrentContext.TestDirectory);
        while (!File.Exists(Path.Combine(directory!.FullName, "kvstore.sln"))) directory = directory.Parent;
        var section = File.ReadAllText(Path.Combine(directory.FullName, "docs", "storage-format.md")).Split("## Write-ahead log")[1];
        return section.Split("```hex\n")[1].Split("```")[0];
    }
}
