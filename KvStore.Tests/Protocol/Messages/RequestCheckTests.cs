using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Protocol.Messages;

/// <summary>The contract's limits, as servers judge requests by them.</summary>
public sealed class RequestCheckTests
{
    private static readonly byte[] Key = [1];

    [TestCase(4096, 16 << 20, KvError.None)]
    [TestCase(4097, 0, KvError.TooLarge)]
    [TestCase(1, (16 << 20) + 1, KvError.TooLarge)]
    [TestCase(0, 1, KvError.InvalidRequest)]
    public void Sizes_of_a_put(int keyBytes, int valueBytes, KvError expected) =>
        CheckWrite(WriteMode.Fast, new WriteOperation(WriteKind.Put, new byte[keyBytes], new byte[valueBytes])).ShouldBe(expected);

    [Test]
    public void A_batch_is_limited_in_operations_and_bytes()
    {
        var small = new WriteOperation(WriteKind.Put, Key, new byte[1]);
        var large = new WriteOperation(WriteKind.Put, Key, new byte[9 << 20]);
        CheckWrite(WriteMode.Fast, [.. Enumerable.Repeat(small, 1000)]).ShouldBe(KvError.None);
        CheckWrite(WriteMode.Fast, [.. Enumerable.Repeat(small, 1001)]).ShouldBe(KvError.TooLarge);
        CheckWrite(WriteMode.Fast, large, large).ShouldBe(KvError.TooLarge);
    }

    [TestCase(WriteMode.Fast, KvError.InvalidRequest)]
    [TestCase(WriteMode.Strong, KvError.None)]
    public void Conditions_need_strong(WriteMode mode, KvError expected) =>
        CheckWrite(mode, new WriteOperation(WriteKind.Put, Key, default, 0, WriteCondition.IfAbsent)).ShouldBe(expected);

    [Test]
    public void A_delete_has_neither_value_nor_time_to_live()
    {
        CheckWrite(WriteMode.Fast, new WriteOperation(WriteKind.Delete, Key)).ShouldBe(KvError.None);
        CheckWrite(WriteMode.Fast, new WriteOperation(WriteKind.Delete, Key, new byte[1])).ShouldBe(KvError.InvalidRequest);
        CheckWrite(WriteMode.Fast, new WriteOperation(WriteKind.Delete, Key, default, 5)).ShouldBe(KvError.InvalidRequest);
    }

    [TestCase(64, WriteMode.Strong, KvError.None)]
    [TestCase(65, WriteMode.Strong, KvError.TooLarge)]
    [TestCase(1, WriteMode.Fast, KvError.InvalidRequest)]
    public void Request_ids(int bytes, WriteMode mode, KvError expected)
    {
        var body = RandomMessages.Bytes(output => WriteRequest.Encode(output, mode, WriteKind.Put, Key, default, requestId: new byte[bytes]));
        WriteRequestView.Decode(body).Check(out _).ShouldBe(expected);
    }

    [TestCase(1, 1000, KvError.None)]
    [TestCase(1, 1001, KvError.TooLarge)]
    [TestCase(4097, 1, KvError.TooLarge)]
    [TestCase(0, 1, KvError.InvalidRequest)]
    public void Keys_of_a_get(int keyBytes, int keys, KvError expected)
    {
        var wanted = Enumerable.Repeat(new GetKey(new byte[keyBytes]), keys).ToArray();
        var body = RandomMessages.Bytes(output => GetRequest.Encode(output, ReadConsistency.Local, wanted));
        GetRequestView.Decode(body).Check(out var message).ShouldBe(expected);
        (message.Length > 0).ShouldBe(expected != KvError.None);
    }

    [TestCase(10_000u, 16u << 20, 4096, KvError.None)]
    [TestCase(10_001u, 1u, 0, KvError.TooLarge)]
    [TestCase(1u, (16u << 20) + 1, 0, KvError.TooLarge)]
    [TestCase(0u, 1u, 0, KvError.InvalidRequest)]
    [TestCase(1u, 1u, 4097, KvError.TooLarge)]
    public void Limits_of_a_scan(uint records, uint bytes, int startBytes, KvError expected) =>
        new ScanRequest { LimitRecords = records, LimitBytes = bytes, Start = new byte[startBytes] }.Check(out _).ShouldBe(expected);

    private static KvError CheckWrite(WriteMode mode, params WriteOperation[] operations)
    {
        var body = RandomMessages.Bytes(output => WriteRequest.Encode(output, mode, operations));
        return WriteRequestView.Decode(body).Check(out _);
    }
}
