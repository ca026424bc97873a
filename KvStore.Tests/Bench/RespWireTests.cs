using System.Text;
using KvStore.Bench.Peers.Redis;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Bench;

public sealed class RespWireTests
{
    [TestCase("+OK\r\n", nameof(RespKind.SimpleString), 0, null)]
    [TestCase(":2\r\n", nameof(RespKind.Integer), 2, null)]
    [TestCase("$-1\r\n", nameof(RespKind.BulkString), -1, null)]
    [TestCase("$0\r\n\r\n", nameof(RespKind.BulkString), 0, null)]
    [TestCase("$5\r\na\r\nbc\r\n", nameof(RespKind.BulkString), 5, null)]
    [TestCase("-ERR no\r\n", nameof(RespKind.Error), 0, "ERR no")]
    public void A_reply_is_read_whole_and_not_before_it_is_complete(string text, string kind, long number, string? error)
    {
        byte[] bytes = Encoding.ASCII.GetBytes(text);
        for (int length = 0; length < bytes.Length; length++)
            RespWire.TryRead(bytes.AsSpan(0, length), out _, out _).ShouldBeFalse($"{length} of {bytes.Length} bytes");

        byte[] followed = [.. bytes, (byte)'+'];
        RespWire.TryRead(followed, out RespReply reply, out int consumed).ShouldBeTrue();
        consumed.ShouldBe(bytes.Length);
        reply.ShouldBe(new RespReply(Enum.Parse<RespKind>(kind), number, error));
    }

    [TestCase("*1\r\n")]
    [TestCase(":x\r\n")]
    public void Anything_else_is_refused(string text) =>
        Should.Throw<InvalidDataException>(() => RespWire.TryRead(Encoding.ASCII.GetBytes(text), out _, out _));

    [Test]
    public void A_command_is_an_array_of_bulk_strings_of_the_stated_length()
    {
        byte[] value = Encoding.ASCII.GetBytes(new string('v', 100));
        var output = new byte[RespWire.CommandLength("SET"u8, "key"u8, value, hasValue: true)];
        RespWire.WriteCommand(output, "SET"u8, "key"u8, value, hasValue: true).ShouldBe(output.Length);

        Encoding.ASCII.GetString(output).ShouldBe($"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$100\r\n{new string('v', 100)}\r\n");
    }
}
