using KvStore.Core.Primitives;
using KvStore.Core.Raft;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Raft;

/// <summary>Once its buffers have grown, a group proposes, replicates, acknowledges, commits and reads without allocating.</summary>
public sealed class RaftAllocationTests
{
    private readonly RaftReady _ready = new();
    private readonly EntryMeta[] _entries = new EntryMeta[64];
    private readonly RaftMessage[] _messages = new RaftMessage[64];
    private RaftNode[] _nodes = [];

    [Test]
    public void Steady_state_allocates_nothing()
    {
        var configuration = RaftConfiguration.Of([.. Enumerable.Range(1, 3).Select(i => new Member(new NodeId((ushort)i), 1, new ReplicaId((ulong)i)))]);
        _nodes = [.. Enumerable.Range(1, 3).Select(i => new RaftNode(
            new RaftOptions(), new ReplicaId((ulong)i), configuration, default, new RaftLog(), default, default, new Prng((ulong)i)))];
        _nodes[0].Campaign(0);
        for (var i = 0; i < 20; i++) Exchange();
        _nodes[0].Role.ShouldBe(RaftRole.Leader);
        Work(2000);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Work(2000);
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBe(0);
        _nodes[2].Applied.Value.ShouldBeGreaterThan(10_000UL);
    }

    private void Work(int rounds)
    {
        for (var round = 0; round < rounds; round++)
        {
            for (var i = 0; i < 3; i++) _nodes[0].Propose(100, out _);
            _nodes[0].RequestRead();
            for (var i = 0; i < 4; i++) Exchange();
            foreach (var node in _nodes) node.CompactLog(node.Applied);
        }
    }

    private void Exchange()
    {
        foreach (var node in _nodes)
        {
            if (!node.HasReady) continue;
            node.TakeReady(_ready);
            if (_ready.MustPersistHardState) node.OnHardStateDurable(node.Term);
            node.OnDurable(node.Term, node.Log.LastIndex);
            node.OnApplied(_ready.CommitThrough);
            var count = 0;
            foreach (var outgoing in _ready.Messages) _messages[count++] = outgoing.Message;
            for (var m = 0; m < count; m++) Deliver(node, _messages[m]);
        }
    }

    private void Deliver(RaftNode from, in RaftMessage message)
    {
        for (var i = 0; i < message.EntryCount; i++)
        {
            var index = message.Index + (ulong)i + 1;
            _entries[i] = new EntryMeta(from.Log.TermAt(index), from.Log.SizeAt(index));
        }

        _nodes[message.To.Value - 1].Step(message, _entries.AsSpan(0, message.EntryCount), 0);
    }
}
