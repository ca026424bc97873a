using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Protocol.Messages;

/// <summary>Names and numbers that others rely on.</summary>
public sealed class NameTests
{
    [Test]
    public void Every_error_has_a_name_of_its_own()
    {
        var names = Enum.GetValues<KvError>().Select(error => error.Name()).ToArray();
        names.ShouldBeUnique();
        names.ShouldAllBe(name => name.All(c => char.IsAsciiLetterLower(c) || c == '_'));
        ((KvError)999).Name().ShouldBe("internal");
    }

    [Test]
    public void Every_request_type_is_even_and_its_reply_the_next_number()
    {
        foreach (var type in Enum.GetValues<FrameType>().Where(type => type is >= FrameType.Write and < FrameType.FirstPeer))
            type.ToString().EndsWith("Reply", StringComparison.Ordinal).ShouldBe(((byte)type & 1) == 1, type.ToString());
    }

    [Test]
    public void A_long_error_text_is_clipped_and_not_refused()
    {
        var error = new ErrorReply { Code = KvError.Internal, Message = new string('x', 999) + "😀" + new string('y', 100_000) };
        var decoded = ErrorReply.Decode(RandomMessages.Bytes(error.Encode));
        decoded.Message.ShouldBe(new string('x', 999));
    }
}
