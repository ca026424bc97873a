using KvStore.Core.Io;
using KvStore.Core.Primitives;
using KvStore.Core.Storage;
using KvStore.Tests.Simulation;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Storage;

/// <summary>Looking at a directory without an engine.</summary>
public sealed class StorageInspectionTests
{
    [Test]
    public void A_sound_directory_has_no_problems_and_is_described()
    {
        var disk = Filled();
        StorageInspection.Verify(disk, SimEngine.Directory, problem => Assert.Fail(problem.ToString())).ShouldBe(0);
        var report = StorageInspection.Inspect(disk, SimEngine.Directory, static problem => throw new AssertionException(problem.ToString()));
        var partition = report.Partitions.ShouldHaveSingleItem();
        partition.Id.ShouldBe(new PartitionId(3));
        partition.Applied.ShouldBe(Records.State(300));
        partition.ConfigurationBytes.ShouldBe(6);
        report.Tables.ShouldNotBeEmpty();
        report.Tables.Sum(table => table.Bytes).ShouldBe(disk.List(SimEngine.Directory).Where(IsTable).Sum(name => (long)disk.Content($"{SimEngine.Directory}/{name}").Length));
        report.Tables.ShouldAllBe(table => table.Records > 0 && table.DataBlocks > 0 && table.FirstPartition == partition.Id);
    }

    [Test]
    public void Verification_finds_a_flipped_bit_in_any_file_and_changes_nothing([Range(1, 40)] int seed)
    {
        var random = new Prng((ulong)seed);
        var disk = Filled();
        var tables = disk.List(SimEngine.Directory).Where(IsTable).ToList();
        var path = $"{SimEngine.Directory}/{tables[random.Next(tables.Count)]}";
        disk.FlipBit(path, random.Next(disk.Content(path).Length), random.Next(8));
        var before = disk.List(SimEngine.Directory).Select(name => disk.Content($"{SimEngine.Directory}/{name}")).ToList();
        var problems = new List<StorageProblem>();
        StorageInspection.Verify(disk, SimEngine.Directory, problems.Add).ShouldBeGreaterThan(0);
        problems.ShouldAllBe(problem => problem.Path == path);
        disk.List(SimEngine.Directory).Select(name => disk.Content($"{SimEngine.Directory}/{name}")).ShouldBe(before);
    }

    [Test]
    public void A_damaged_manifest_is_a_problem_of_its_own()
    {
        var disk = Filled();
        var path = $"{SimEngine.Directory}/{disk.List(SimEngine.Directory).Single(name => name.StartsWith("MANIFEST", StringComparison.Ordinal))}";
        disk.FlipBit(path, 10, 1);
        var problems = new List<StorageProblem>();
        StorageInspection.Verify(disk, SimEngine.Directory, problems.Add).ShouldBe(1);
        problems[0].Path.ShouldBe(path);
        Should.Throw<CorruptionException>(() => StorageInspection.Inspect(disk, SimEngine.Directory, static problem => throw new AssertionException(problem.ToString())));
    }

    private static bool IsTable(string name) => name.EndsWith(".sst", StringComparison.Ordinal);

    private static SimDisk Filled()
    {
        using var sim = new SimEngine(1);
        var store = sim.Engine.CreatePartition(new PartitionId(3), "config"u8);
        var random = new Prng(1);
        for (ulong index = 1; index <= 300; index++)
        {
            store.Put(new LogIndex(index), Records.Key($"key{random.Next(200)}"), Records.Value(random, random.Next(500)), Records.Info(index));
            store.Publish(Records.State(index));
            if (index % 60 == 0) sim.Engine.FlushAll();
            sim.Scheduler.RunOne();
        }

        sim.Engine.FlushAll();
        sim.Scheduler.RunUntilIdle();
        return sim.Disk;
    }
}
