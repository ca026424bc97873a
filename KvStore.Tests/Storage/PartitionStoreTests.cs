using KvStore.Core.Primitives;
using KvStore.Core.Storage;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Storage;

/// <summary>What readers of one partition see, and when.</summary>
public sealed class PartitionStoreTests
{
    private SimEngine _sim = null!;
    private PartitionStore _store = null!;

    [SetUp]
    public void Open()
    {
        _sim = new SimEngine(1);
        _store = _sim.Engine.CreatePartition(new PartitionId(3), "c"u8);
    }

    [TearDown]
    public void Close() => _sim.Dispose();

    [Test]
    public void An_entry_becomes_visible_as_a_whole()
    {
        _store.Put(new LogIndex(1), "a"u8, "1"u8, Records.Info(1));
        _store.Put(new LogIndex(1), "b"u8, "1"u8, Records.Info(1));
        _store.Dump().ShouldBe("");
        _store.Publish(Records.State(1));
        _store.Dump().ShouldBe("a=1 b=1");
        _store.Applied.ShouldBe(Records.State(1));
    }

    [Test]
    public void The_last_operation_of_an_entry_on_a_key_wins()
    {
        _store.Put(new LogIndex(1), "a"u8, "first"u8, Records.Info(1));
        _store.Delete(new LogIndex(1), "a"u8, Records.Info(1));
        _store.Put(new LogIndex(1), "a"u8, "last"u8, Records.Info(1));
        _store.Publish(Records.State(1));
        _store.Dump().ShouldBe("a=last");
        _sim.Engine.FlushAll();
        _store.Dump().ShouldBe("a=last");
        _store.Get("a").ShouldBe("last");
    }

    [Test]
    public void A_pinned_view_does_not_change_while_the_store_does()
    {
        _store.Put(1, "a", "old");
        using var view = _store.Pin();
        _store.Put(2, "a", "new");
        _store.Put(3, "b", "new");
        _sim.Engine.FlushAll();
        _store.Put(4, "a", "newer");
        _sim.Engine.FlushAll();
        _sim.Scheduler.RunUntilIdle();
        view.ReadIndex.ShouldBe(new LogIndex(1));
        view.LogTime.ShouldBe(Records.State(1).LogTime);
        view.TryGet("a"u8, true, out var info, out var value).ShouldBeTrue();
        value.SequenceEqual("old"u8).ShouldBeTrue();
        info.ShouldBe(Records.Info(1));
        view.TryGet("b"u8, true, out _, out _).ShouldBeFalse();
        _store.Dump().ShouldBe("a=newer b=new");
    }

    [Test]
    public void A_tombstone_is_found_and_says_so()
    {
        _store.Put(1, "a", "1");
        _store.Delete(2, "a");
        for (var flushed = 0; flushed < 2; flushed++)
        {
            using var view = _store.Pin();
            view.TryGet("a"u8, false, out var info, out var value).ShouldBeTrue();
            info.ShouldBe(Records.Info(2) with { IsTombstone = true });
            value.IsEmpty.ShouldBeTrue();
            _sim.Engine.FlushAll();
        }
    }

    [Test]
    public void Below_the_floor_a_tombstone_counts_as_absent_stored_or_not()
    {
        _store.Put(1, "a", "1");
        _store.Delete(2, "a");
        _store.SetFloor(new LogIndex(2));
        _store.Publish(Records.State(3));
        _store.Floor.ShouldBe(new LogIndex(2));
        for (var flushed = 0; flushed < 2; flushed++)
        {
            using var view = _store.Pin();
            view.TryGet("a"u8, false, out _, out _).ShouldBeFalse();
            view.Scan([], [], false).MoveNext().ShouldBeFalse();
            _sim.Engine.FlushAll();
        }
    }

    [Test]
    public void The_overlay_shows_what_is_acknowledged_and_not_applied()
    {
        _store.Put(1, "a", "applied");
        _store.OverlayPut(new LogIndex(2), "a"u8, "fast"u8, Records.Info(2));
        _store.Get("a", includeOverlay: true).ShouldBe("applied", "not published yet");
        _store.PublishOverlay(new LogIndex(2));
        _store.Get("a", includeOverlay: true).ShouldBe("fast");
        _store.Get("a", includeOverlay: false).ShouldBe("applied");
        _store.OverlayDelete(new LogIndex(3), "b"u8, Records.Info(3));
        _store.OverlayPut(new LogIndex(3), "c"u8, "3"u8, Records.Info(3));
        _store.PublishOverlay(new LogIndex(3));
        _store.Dump(includeOverlay: true).ShouldBe("a=fast c=3");
        _store.Dump(includeOverlay: false).ShouldBe("a=applied");
    }

    [Test]
    public void What_is_applied_hides_the_overlay_up_to_its_index()
    {
        _store.OverlayPut(new LogIndex(1), "a"u8, "fast"u8, Records.Info(1));
        _store.OverlayPut(new LogIndex(2), "b"u8, "fast"u8, Records.Info(2));
        _store.PublishOverlay(new LogIndex(2));
        _store.Put(1, "x", "another entry took the place");
        _store.Dump(includeOverlay: true).ShouldBe("b=fast x=another entry took the place");
    }

    [Test]
    public void Entries_cut_from_the_log_vanish_from_the_overlay_and_may_come_again()
    {
        for (ulong index = 1; index <= 4; index++)
            _store.OverlayPut(new LogIndex(index), Records.Key($"k{index}"), Records.Key($"old{index}"), Records.Info(index));
        _store.OverlayPut(new LogIndex(2), "k2"u8, "second of the entry"u8, Records.Info(2));
        _store.PublishOverlay(new LogIndex(4));
        using (var before = _store.Pin())
        {
            _store.OverlayTruncate(new LogIndex(3));
            before.TryGet("k3"u8, true, out _, out _).ShouldBeTrue("pinned before the cut");
        }

        _store.Dump(includeOverlay: true).ShouldBe("k1=old1 k2=second of the entry");
        _store.OverlayPut(new LogIndex(3), "k4"u8, "new3"u8, Records.Info(3));
        _store.PublishOverlay(new LogIndex(3));
        _store.Dump(includeOverlay: true).ShouldBe("k1=old1 k2=second of the entry k4=new3");
        _store.OverlayTruncate(new LogIndex(1));
        _store.Dump(includeOverlay: true).ShouldBe("");
    }

    [Test]
    public void An_overlay_under_constant_use_does_not_grow_for_ever()
    {
        var value = new byte[1000];
        ulong written = 0;
        for (ulong applied = 1; applied <= 2000; applied++)
        {
            // A hundred entries are always on their way.
            for (; written < applied + 100; written++)
            {
                _store.OverlayPut(new LogIndex(written + 1), Records.Key($"k{written % 50}"), value, Records.Info(written + 1));
                _store.PublishOverlay(new LogIndex(written + 1));
            }

            _store.Put(new LogIndex(applied), Records.Key($"k{(applied - 1) % 50}"), value, Records.Info(applied));
            _store.Publish(Records.State(applied));
            if (applied % 10 == 0) _sim.Engine.FlushAll();
        }

        // 2,100 entries of 1 KiB went through; what is not applied are 100 of them.
        _sim.Engine.ReadStatistics().ArenaBytes.ShouldBeLessThan(600 << 10);
        _store.Dump(includeOverlay: true).Length.ShouldBeGreaterThan(50 * 1000);
    }

    [Test]
    public void Values_from_nothing_to_16_MiB_come_back()
    {
        var random = new Prng(5);
        int[] lengths = [0, 1, 100, 16 << 10, 70_000, 1 << 20, 16 << 20];
        for (var i = 0; i < lengths.Length; i++)
        {
            _store.Put(new LogIndex((ulong)i + 1), Records.Key($"k{i}"), Records.Value(random, lengths[i]), Records.Info((ulong)i + 1));
            _store.Publish(Records.State((ulong)i + 1));
        }

        for (var round = 0; round < 2; round++)
        {
            var again = new Prng(5);
            for (var i = 0; i < lengths.Length; i++)
            {
                using var view = _store.Pin();
                view.TryGet(Records.Key($"k{i}"), false, out _, out var value).ShouldBeTrue();
                value.SequenceEqual(Records.Value(again, lengths[i])).ShouldBeTrue($"{lengths[i]} bytes");
            }

            _sim.Engine.FlushAll();
            _sim.Scheduler.RunUntilIdle();
        }
    }

    [Test]
    public void The_longest_keys_work_everywhere()
    {
        var random = new Prng(6);
        var keys = Enumerable.Range(0, 40).Select(_ => Records.Value(random, 4096)).ToList();
        for (var i = 0; i < keys.Count; i++)
        {
            _store.Put(new LogIndex((ulong)i + 1), keys[i], "v"u8, Records.Info((ulong)i + 1));
            _store.Publish(Records.State((ulong)i + 1));
            if (i % 10 == 9) _sim.Engine.FlushAll();
        }

        _sim.Scheduler.RunUntilIdle();
        using var view = _store.Pin();
        foreach (var key in keys) view.TryGet(key, false, out _, out _).ShouldBeTrue();
        var count = 0;
        for (var records = view.Scan([], [], false); records.MoveNext();) count++;
        count.ShouldBe(keys.Count);
        view.TryGet(new byte[5000], false, out _, out _).ShouldBeFalse();
    }

    [Test]
    public void Partitions_do_not_see_each_other()
    {
        var before = _sim.Engine.CreatePartition(new PartitionId(2), "c"u8);
        var after = _sim.Engine.CreatePartition(new PartitionId(4), "c"u8);
        before.Put(1, "z", "2");
        _store.Put(1, "m", "3");
        after.Put(1, "a", "4");
        for (var round = 0; round < 2; round++)
        {
            _store.Dump().ShouldBe("m=3");
            before.Dump().ShouldBe("z=2");
            after.Dump().ShouldBe("a=4");
            _sim.Engine.FlushAll();
        }
    }

    [Test]
    public void After_a_drop_nothing_is_left_for_a_partition_of_the_same_number()
    {
        _store.Put(1, "a", "1");
        _sim.Engine.FlushAll();
        _store.Put(2, "b", "2");
        using (var view = _store.Pin())
        {
            _sim.Engine.DropPartition(_store.Id);
            view.TryGet("a"u8, false, out _, out _).ShouldBeTrue("a reader that was there before the drop reads on");
        }

        _sim.Engine.Find(_store.Id).ShouldBeNull();
        _store.Dump().ShouldBe("");
        _sim.Engine.CreatePartition(_store.Id, "c"u8).Dump().ShouldBe("");
    }
}
