using KvStore.Core.Io;
using KvStore.Core.Primitives;
using KvStore.Core.Storage;
using KvStore.Core.Storage.Manifest;
using KvStore.Core.Storage.Table;
using KvStore.Tests.Simulation;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Storage.Manifest;

/// <summary>The manifest: what was synced is read back, what was not may be cut, what is damaged is said to be.</summary>
public sealed class ManifestLogTests
{
    private const string Directory = "/m";
    private const string LogPath = "/m/MANIFEST-000001";

    [Test]
    public void Edits_add_up([Range(1, 30)] int seed)
    {
        var random = new Prng((ulong)seed);
        var disk = NewDisk((ulong)seed);
        var state = new ManifestState();
        using (var log = ManifestLog.Create(disk, Directory, 1, state))
            for (var edits = random.Next(20); edits > 0; edits--) Append(log, state, random);
        Describe(Read(disk)).ShouldBe(Describe(state));
    }

    [Test]
    public void After_a_power_cut_every_synced_edit_is_there([Range(1, 200)] int seed)
    {
        var random = new Prng((ulong)seed);
        var disk = NewDisk((ulong)seed);
        var state = new ManifestState();
        var log = ManifestLog.Create(disk, Directory, 1, state);
        for (var edits = random.Next(10); edits > 0; edits--) Append(log, state, random);
        var synced = Describe(state);
        disk.PowerCutAtStep = disk.Steps + 1 + random.Next(12);
        try
        {
            while (true)
            {
                Append(log, state, random);
                synced = Describe(state);
            }
        }
        catch (PowerCutException)
        {
            // The edit that was being written may have become durable or not.
        }

        var found = Describe(Read(disk.Crash()));
        (found == synced || found == Describe(state)).ShouldBeTrue();
    }

    /// <summary>A flip is detected, or it hit something that says nothing: padding, or the mark behind the last edit.</summary>
    [Test]
    public void A_flipped_bit_anywhere_is_detected_or_harmless([Range(1, 5)] int seed)
    {
        var random = new Prng((ulong)seed);
        var disk = NewDisk((ulong)seed);
        var state = new ManifestState();
        long end;
        using (var log = ManifestLog.Create(disk, Directory, 1, state))
        {
            for (var edits = 0; edits < 4; edits++) Append(log, state, random);
            end = log.Bytes;
        }

        var expected = Describe(state);
        var content = disk.Content(LogPath)[..(int)end];
        var detected = 0;
        for (var at = 0; at < end; at++)
        {
            // Most of a record is padding.
            if (at % ManifestRecord.Alignment > 600 && at % 97 != 0) continue;
            var broken = content.ToArray();
            broken[at] ^= (byte)(1 << random.Next(8));
            disk.SetContent(LogPath, broken);
            try
            {
                Describe(Read(disk)).ShouldBe(expected, $"byte {at}");
            }
            catch (CorruptionException e)
            {
                e.Path.ShouldBe(LogPath);
                detected++;
            }
        }

        detected.ShouldBeGreaterThan(400);
    }

    [Test]
    public void A_flipped_bit_in_CURRENT_is_detected()
    {
        var disk = NewDisk(1);
        ManifestLog.Create(disk, Directory, 1, new ManifestState()).Dispose();
        var content = disk.Content("/m/CURRENT");
        for (var at = 0; at < content.Length; at++)
        {
            var broken = content.ToArray();
            broken[at] ^= 4;
            disk.SetContent("/m/CURRENT", broken);
            Should.Throw<CorruptionException>(() => CurrentFile.Read(disk, Directory)).Path.ShouldBe("/m/CURRENT");
        }
    }

    [Test]
    public void An_edit_that_does_not_fit_is_damage()
    {
        var disk = NewDisk(1);
        using (var log = ManifestLog.Create(disk, Directory, 1, new ManifestState()))
        {
            var edit = new VersionEdit();
            edit.Removed.Add(5);
            log.Append(edit);
        }

        Should.Throw<CorruptionException>(() => Read(disk));
    }

    [TestCase("aaaaaaaa", "zzzzzzzz", "bbbbbbbb", "cccccccc", TestName = "Tables_of_a_level_that_overlap_are_damage")]
    [TestCase("aaaaaaaa", "cccccccc", "zzzzzzzz", "xxxxxxxx", TestName = "A_table_that_ends_before_it_begins_is_damage")]
    [TestCase("aaaaaaaa", "cccccccc", "d", "e", TestName = "A_table_without_whole_keys_is_damage")]
    public void A_state_that_no_engine_comes_to_is_damage(string smallest, string largest, string nextSmallest, string nextLargest)
    {
        var disk = NewDisk(1);
        var edit = new VersionEdit { NextFileNumber = 3 };
        edit.Added.Add((1, new TableInfo(1, 10, 1, Records.Key(smallest), Records.Key(largest))));
        edit.Added.Add((1, new TableInfo(2, 10, 1, Records.Key(nextSmallest), Records.Key(nextLargest))));
        using (var log = ManifestLog.Create(disk, Directory, 1, new ManifestState())) log.Append(edit);
        Should.Throw<CorruptionException>(() => Read(disk)).Path.ShouldBe(LogPath);
    }

    private static SimDisk NewDisk(ulong seed)
    {
        var disk = new SimDisk(seed);
        disk.CreateDirectory(Directory);
        disk.SyncDirectory(Directory);
        return disk;
    }

    private static ManifestState Read(SimDisk disk) => ManifestLog.Read(disk, Directory, CurrentFile.Read(disk, Directory));

    private static void Append(ManifestLog log, ManifestState state, Prng random)
    {
        var edit = new VersionEdit { NextFileNumber = state.NextFileNumber + 1, NextGeneration = state.NextGeneration.Next };
        edit.Added.Add((random.Next(7), NewTable(state.NextFileNumber, random)));
        if (state.Tables.Count > 2) edit.Removed.Add(state.Tables.Keys.ElementAt(random.Next(state.Tables.Count)));
        var id = new PartitionId((ushort)random.Next(4));
        var configuration = state.Partitions.ContainsKey(id) && random.Chance(1, 2) ? null : Records.Value(random, random.Next(5_000));
        edit.Partitions.Add(new PartitionRecord(id, state.NextGeneration, Records.State((ulong)random.Next(1000)), new LogIndex((ulong)random.Next(9)), configuration));
        if (state.Partitions.Count > 2) edit.Dropped.Add(state.Partitions.Keys.First(other => other != id));

        // The model changes first: an edit that fails midway may have become durable.
        state.Apply(edit);
        log.Append(edit);
    }

    /// <summary>A table with a range of keys of its own.</summary>
    private static TableInfo NewTable(ulong number, Prng random) => new(
        number, random.Next(1000), random.Next(1000),
        Records.Key($"table {number:D4} a"), [.. Records.Key($"table {number:D4} z"), .. Records.Value(random, random.Next(300))]);

    private static string Describe(ManifestState state) => Convert.ToHexString(VersionEditCodec.Encode(state.AsEdit()));
}
