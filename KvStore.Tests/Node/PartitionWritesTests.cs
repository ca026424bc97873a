using System.Buffers;
using KvStore.Core.Node;
using KvStore.Core.Primitives;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Node;

/// <summary>Which verdict a write that waits for its index gets.</summary>
public sealed class PartitionWritesTests
{
    [Test]
    public void A_write_of_a_second_leadership_is_not_taken_for_one_of_the_first_that_waits_for_a_later_index()
    {
        var writes = new PartitionWrites(Context());
        var deposed = new List<Caller>();
        for (var index = 8UL; index <= 12; index++) deposed.Add(Add(writes, index, term: 1));

        // Another leader's log cuts 8 to 12 and fills 8; then this node leads again and its own first entry is 9.
        writes.OnTruncated(new LogIndex(8));
        Apply(writes, 8, 2);
        Apply(writes, 9, 3);
        var second = Add(writes, 10, term: 3);
        Apply(writes, 10, 3);

        second.Verdict.ShouldBe(WriteVerdict.Applied);
        deposed.Select(c => c.Verdict).ShouldBe(
            [WriteVerdict.Superseded, WriteVerdict.Superseded, WriteVerdict.Superseded, null, null]);
        Apply(writes, 11, 3);
        Apply(writes, 12, 3);
        deposed.ShouldAllBe(c => c.Verdict == WriteVerdict.Superseded);
    }

    private static NodeContext Context() => new()
    {
        Self = new NodeId(1),
        Clock = null!,
        Hlc = null!,
        Scheduler = null!,
        ColdReads = null!,
        ClientReads = null!,
        LogReads = null!,
        Transport = null!,
        Counters = new NodeCounters(),
        Options = NodeOptions.Default,
        Log = null!,
        Observer = null!,
        Storage = null!,
    };

    private static Caller Add(PartitionWrites writes, ulong index, ulong term)
    {
        var caller = new Caller();
        writes.Add(new LogIndex(index), new Term(term), index, new PendingWrite
        {
            Partition = default,
            Fast = false,
            DeadlineNs = long.MaxValue,
            Completion = caller,
            Entry = ArrayPool<byte>.Shared.Rent(16),
            EntryLength = 16,
        });
        return caller;
    }

    private static void Apply(PartitionWrites writes, ulong index, ulong term) =>
        writes.OnApplied(new LogIndex(index), new Term(term), new StateMachine.Outcome(true, false, Revision.None), default);

    private sealed class Caller : IWriteCompletion
    {
        public WriteVerdict? Verdict { get; private set; }

        public void Complete(PendingWrite write, in WriteEnd end)
        {
            Verdict.ShouldBeNull();
            Verdict = end.Verdict;
        }
    }
}
