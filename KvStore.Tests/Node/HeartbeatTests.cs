using KvStore.Core.Node;
using KvStore.Core.Primitives;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Node;

/// <summary>The bytes of a heartbeat.</summary>
public sealed class HeartbeatTests
{
    [Test]
    public void What_is_encoded_is_decoded()
    {
        var decoded = Heartbeat.TryDecode(Bytes())!;
        decoded.SenderBoot.ShouldBe(1ul);
        decoded.Leaving.ShouldBeTrue();
        decoded.Changes.ShouldBe([new LeaderClaim(new PartitionId(3), new Term(4), new LogIndex(5), new LogIndex(6))]);
        decoded.Exceptions.ShouldBe([new ClaimException(new PartitionId(7), new Term(8))]);
        decoded.Halted.ShouldBe([new HaltedReplica(new PartitionId(9), new LogIndex(10)), new HaltedReplica(new PartitionId(11), new LogIndex(12))]);
    }

    [Test]
    public void What_is_cut_short_is_no_heartbeat()
    {
        var bytes = Bytes();
        for (var length = 0; length < bytes.Length; length++) Heartbeat.TryDecode(bytes.AsSpan(0, length)).ShouldBeNull($"{length} bytes");
    }

    /// <summary>A count that the bytes cannot hold is refused before anything is taken for it.</summary>
    [Test]
    public void A_count_beyond_the_end_is_no_heartbeat()
    {
        var bytes = Bytes();
        bytes.AsSpan(bytes.Length - 24, 4).Fill(0xff);
        Heartbeat.TryDecode(bytes).ShouldBeNull();
    }

    private static byte[] Bytes()
    {
        var heartbeat = new Heartbeat { SenderBoot = 1, Leaving = true };
        heartbeat.Changes.Add(new LeaderClaim(new PartitionId(3), new Term(4), new LogIndex(5), new LogIndex(6)));
        heartbeat.Exceptions.Add(new ClaimException(new PartitionId(7), new Term(8)));
        heartbeat.Halted.Add(new HaltedReplica(new PartitionId(9), new LogIndex(10)));
        heartbeat.Halted.Add(new HaltedReplica(new PartitionId(11), new LogIndex(12)));
        var buffer = new ByteBuffer();
        heartbeat.Encode(buffer);
        return buffer.Written.ToArray();
    }
}
