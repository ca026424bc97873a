using System.Text;
using CsCheck;
using KvStore.Daemon.Ctl.Arguments;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Daemon.Ctl.Arguments;

public sealed class RawArgumentsTests
{
    [Test]
    public void Any_bytes_survive_the_string_form() =>
        Gen.Byte.Array.Sample(bytes => RawArguments.ToBytes(RawArguments.Decode(bytes)).AsSpan().SequenceEqual(bytes));

    [Test]
    public void Any_text_survives_and_is_itself() => Gen.String[Gen.Char['\0', '\uD7FF']].Sample(text =>
        RawArguments.Decode(Encoding.UTF8.GetBytes(text)) == text && RawArguments.ToBytes(text).AsSpan().SequenceEqual(Encoding.UTF8.GetBytes(text)));

    [Test]
    public void A_character_beyond_the_basic_plane_whose_second_half_looks_like_an_escaped_byte_stays_a_character()
    {
        const string text = "\U00010080"; // D800 DC80
        RawArguments.ToBytes(text).ShouldBe(Encoding.UTF8.GetBytes(text));
        RawArguments.Printable(text).ShouldBe(text);
    }

    [Test]
    public void Damaged_arguments_are_restored_from_the_end_of_the_command_line()
    {
        byte[] commandLine = [.. "kvctl\0put\0a"u8, 0xff, .. "b\0\0"u8];
        var restored = RawArguments.Restore(["put", "a\uFFFDb", ""], () => commandLine);
        restored.Select(RawArguments.ToBytes).ShouldBe([[.. "put"u8], [(byte)'a', 0xff, (byte)'b'], []]);
    }

    [Test]
    public void The_command_line_is_not_read_for_undamaged_arguments()
    {
        string[] arguments = ["put", "é", "v"];
        RawArguments.Restore(arguments, () => throw new InvalidOperationException("read")).ShouldBeSameAs(arguments);
    }

    [Test]
    public void A_replacement_character_that_was_really_typed_stays() =>
        RawArguments.Restore(["\uFFFD"], () => "kvctl\0\uFFFD\0"u8.ToArray()).ShouldBe(["\uFFFD"]);

    [TestCase("kvctl\0other\0")]
    [TestCase("")]
    public void Another_process_s_command_line_changes_nothing(string commandLine) =>
        RawArguments.Restore(["a\uFFFD"], () => Encoding.UTF8.GetBytes(commandLine)).ShouldBe(["a\uFFFD"]);

    [Test]
    public void What_stands_behind_two_dashes_is_no_option()
    {
        var marked = RawArguments.MarkLiterals(["get", "-a", "--", "-b", "--"]);
        marked.Length.ShouldBe(4);
        marked.Select(RawArguments.LooksLikeOption).ShouldBe([false, true, false, false]);
        marked.Select(a => Encoding.UTF8.GetString(RawArguments.ToBytes(a))).ShouldBe(["get", "-a", "-b", "--"]);
        RawArguments.Printable(marked[2]).ShouldBe("-b");
    }

    [Test]
    public void Messages_show_bytes_as_hexadecimal() =>
        RawArguments.Printable($"no key '{RawArguments.Decode([0x61, 0xff])}'").ShouldBe("no key 'a\\xff'");
}
