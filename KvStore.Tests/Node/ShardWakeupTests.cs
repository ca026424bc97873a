using KvStore.Core.Io;
using KvStore.Core.Node;
using KvStore.Core.Primitives;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Node;

/// <summary>A real thread posts to a shard at the very moment at which another one ends the shard's slice.</summary>
[TestFixture]
internal sealed class ShardWakeupTests
{
    [Test]
    public void An_event_that_arrives_as_a_slice_ends_does_not_wait_for_the_next_one()
    {
        using var scheduler = new OneThread();
        var shard = new Shard(0, new NodeContext
        {
            Self = new NodeId(1),
            Clock = new SystemClock(),
            Scheduler = scheduler,
            Hlc = null!,
            ColdReads = null!,
            ClientReads = null!,
            LogReads = null!,
            Transport = null!,
            Counters = new NodeCounters(),
            Options = NodeOptions.Default,
            Log = null!,
            Observer = null!,
            Storage = null!,
        });
        var end = new LastAnswer();

        // A stopped shard refuses what comes, and so answers without anything that a shard otherwise needs.
        shard.Post(new ShardEvent(ShardEventKind.Stop, (Action)(() => { })));
        for (var i = 1; i <= 20_000; i++)
        {
            shard.Post(new ShardEvent(ShardEventKind.Read, new ReadBarrier { Partition = default, DeadlineNs = 0, Completion = end }));
            var round = i;
            if (!SpinWait.SpinUntil(() => end.Count == round, 2_000)) Assert.Fail($"event {i} lies in the queue and nobody comes");
        }

        end.Count.ShouldBe(20_000);
    }

    private sealed class LastAnswer : IBarrierCompletion
    {
        private int _count;

        public int Count => Volatile.Read(ref _count);

        public void OnBarrier(PartitionId partition, BarrierVerdict verdict, NodeId leader) => Volatile.Write(ref _count, _count + 1);
    }

    /// <summary>Spins for work, so that it is there within nanoseconds.</summary>
    private sealed class OneThread : IScheduler, IDisposable
    {
        private readonly Thread _thread;
        private IWorkItem? _next;
        private bool _ended;

        public OneThread()
        {
            _thread = new Thread(Serve);
            _thread.Start();
        }

        public void Post(IWorkItem item) => Volatile.Write(ref _next, item);

        public IDisposable PostAfter(long delayNs, IWorkItem item) => throw new NotSupportedException();

        public ILane CreateLane(string name, bool inBackground) => throw new NotSupportedException();

        public void Dispose()
        {
            Volatile.Write(ref _ended, true);
            _thread.Join();
        }

        private void Serve()
        {
            while (!Volatile.Read(ref _ended)) Interlocked.Exchange(ref _next, null)?.Execute();
        }
    }
}
