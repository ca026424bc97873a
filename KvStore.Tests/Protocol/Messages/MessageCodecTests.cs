using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Protocol.Messages;

/// <summary>Every decoder: gives back what was encoded, and meets hostile bytes with nothing but <see cref="WireException"/>.</summary>
public sealed class MessageCodecTests
{
    private static readonly int Seed = Environment.TickCount & 0xffff;

    [TestCaseSource(typeof(RandomMessages), nameof(RandomMessages.All))]
    public void A_message_survives_decoding_and_encoding(MessageCase message)
    {
        for (var seed = Seed; seed < Seed + 500; seed++)
        {
            var body = message.Make(new Random(seed));
            message.Again(body).ShouldBe(body, $"seed {seed}");
        }
    }

    [TestCaseSource(typeof(RandomMessages), nameof(RandomMessages.All))]
    public void Every_shortened_body_is_refused(MessageCase message)
    {
        for (var seed = Seed; seed < Seed + 10; seed++)
        {
            var body = message.Make(new Random(seed));
            for (var length = 0; length < body.Length; length++)
                Should.Throw<WireException>(() => message.Again(body.AsMemory(0, length)), $"seed {seed}, {length} of {body.Length} bytes");
        }
    }

    [TestCaseSource(typeof(RandomMessages), nameof(RandomMessages.All))]
    public void Bytes_of_a_later_version_behind_the_body_are_ignored(MessageCase message)
    {
        var body = message.Make(new Random(Seed));
        message.Again((byte[])[.. body, 1, 2, 3]).ShouldBe(body, $"seed {Seed}");
    }

    [TestCaseSource(typeof(RandomMessages), nameof(RandomMessages.All))]
    public void Damaged_and_random_bodies_throw_one_exception_and_take_little_memory(MessageCase message)
    {
        for (var seed = Seed; seed < Seed + 3000; seed++)
        {
            var random = new Random(seed);
            var body = seed % 4 == 0 ? new byte[random.Next(400)] : message.Make(random);
            if (seed % 4 == 0) random.NextBytes(body);
            for (var i = random.Next(1, 6); i > 0 && body.Length > 0; i--) Damage(body, random);
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                message.Again(body);
            }
            catch (WireException)
            {
            }
            catch (Exception exception)
            {
                Assert.Fail($"seed {seed}: {exception}");
            }

            // Lists of small elements and the encoding again cost some of the body's size, and an exception a fixed part; a believed length costs megabytes.
            (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan(200_000 + (100L * body.Length), $"seed {seed}");
        }
    }

    [Test]
    public void A_count_is_not_believed_before_its_elements_are_here()
    {
        var body = new byte[] { 0xff, 0xff, 0, 0 };
        Should.Throw<WireException>(() => GetReply.Decode(body)).Error.ShouldBeOneOf(WireError.Malformed, WireError.Truncated);
    }

    [TestCase((ushort)1, "a")]
    [TestCase((ushort)2, "k", "")]
    public void A_view_reads_its_operations_in_place(ushort count, params string[] keys)
    {
        var operations = keys.Select(key => new WriteOperation(WriteKind.Put, System.Text.Encoding.UTF8.GetBytes(key), new byte[] { 7, 8 }, 99)).ToArray();
        var body = RandomMessages.Bytes(output => WriteRequest.Encode(output, WriteMode.Strong, operations, requestId: "id"u8));
        var view = WriteRequestView.Decode(body);
        view.Count.ShouldBe(count);
        view.RequestId.SequenceEqual("id"u8).ShouldBeTrue();
        var seen = new List<string>();
        foreach (var operation in view)
        {
            seen.Add(System.Text.Encoding.UTF8.GetString(operation.Key));
            operation.Value.ToArray().ShouldBe([7, 8]);
            operation.TtlMs.ShouldBe(99UL);
        }

        seen.ShouldBe(keys);
        view.First.Key.SequenceEqual(operations[0].Key.Span).ShouldBeTrue();
    }

    [Test]
    public void Decoding_hot_requests_allocates_nothing()
    {
        var key = new byte[16];
        var value = new byte[256];
        var output = new FrameBuffer();
        var bytes = 0L;
        for (var round = 0; round < 2; round++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 1000; i++)
            {
                output.Clear();
                var start = FrameWriter.Begin(output, FrameType.Write, 7);
                WriteRequest.Encode(output, WriteMode.Fast, WriteKind.Put, key, value);
                FrameWriter.End(output, start);
                var received = new System.Buffers.ReadOnlySequence<byte>(output.WrittenMemory);
                FrameReader.TryRead(ref received, Limits.FrameBytes, out var frame).ShouldBeTrueFast();
                using var body = FrameBody.Open(frame);
                var view = WriteRequestView.Decode(body.Span);
                (view.First.Value.Length == 256 && view.Check(out _) == KvError.None).ShouldBeTrueFast();
            }

            bytes = GC.GetAllocatedBytesForCurrentThread() - before;
        }

        // The sequence over a memory allocates nothing, and neither does anything else; the first round warmed up.
        bytes.ShouldBeLessThan(1000);
    }

    private static void Damage(byte[] body, Random random)
    {
        var at = random.Next(body.Length);
        switch (random.Next(3))
        {
            case 0:
                body[at] ^= (byte)(1 << random.Next(8));
                break;
            case 1:
                body[at] = 0xff;
                break;
            default:
                body.AsSpan(at, Math.Min(4, body.Length - at)).Fill((byte)random.Next(256));
                break;
        }
    }
}

/// <summary>Assertions that cost nothing when they hold.</summary>
internal static class FastAssertions
{
    public static void ShouldBeTrueFast(this bool condition)
    {
        if (!condition) Assert.Fail("expected true");
    }
}
