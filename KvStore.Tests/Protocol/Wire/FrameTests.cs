using System.Buffers;
using System.Buffers.Binary;
using KvStore.Protocol.Wire;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Protocol.Wire;

public sealed class FrameTests
{
    private static readonly FrameOptions WithEverything = new(1500, new TraceContext(new UInt128(1, 2), 3, 1));
    private static readonly int Seed = Environment.TickCount & 0xffff;

    [Test]
    public void A_frame_is_read_wherever_the_segments_are_cut()
    {
        var bytes = Frames((FrameType.Get, 5, "hello"u8.ToArray(), WithEverything), (FrameType.Ping, 6, [], default));
        for (var first = 0; first <= bytes.Length; first++)
        {
            for (var second = first; second <= bytes.Length; second += 7)
            {
                var buffer = Segments(bytes, first, second);
                FrameReader.TryRead(ref buffer, Limits.FrameBytes, out var frame).ShouldBeTrue();
                frame.Type.ShouldBe(FrameType.Get);
                frame.RequestId.ShouldBe(5UL);
                frame.DeadlineMs.ShouldBe(1500u);
                frame.Trace.ShouldBe(WithEverything.Trace);
                using var body = FrameBody.Open(frame);
                body.Span.SequenceEqual("hello"u8).ShouldBeTrue();
                FrameReader.TryRead(ref buffer, Limits.FrameBytes, out frame).ShouldBeTrue();
                frame.Type.ShouldBe(FrameType.Ping);
                frame.DeadlineMs.ShouldBe(0u);
                frame.Trace.IsNone.ShouldBeTrue();
                buffer.Length.ShouldBe(0);
            }
        }
    }

    [Test]
    public void A_part_of_a_frame_is_left_alone()
    {
        var bytes = Frames((FrameType.Get, 5, new byte[40], WithEverything));
        for (var length = 0; length < bytes.Length; length++)
        {
            var buffer = new ReadOnlySequence<byte>(bytes, 0, length);
            FrameReader.TryRead(ref buffer, Limits.FrameBytes, out _).ShouldBeFalse();
            buffer.Length.ShouldBe(length);
        }
    }

    [Test]
    public void In_place_and_copying_writers_agree()
    {
        foreach (var size in new[] { 0, 1, 1023, 1024, 40_000, 200_000 })
        {
            foreach (var compress in new[] { false, true })
            {
                var body = new byte[size];
                new Random(size).NextBytes(body.AsSpan(0, size / 2));
                var options = WithEverything with { Compress = compress };
                using var inPlace = new FrameBuffer();
                inPlace.Write("before"u8);
                var start = FrameWriter.Begin(inPlace, FrameType.Write, 9, options);
                inPlace.Write(body);
                FrameWriter.End(inPlace, start, options);
                var copied = new ArrayBufferWriter<byte>();
                FrameWriter.Write(copied, FrameType.Write, 9, body, options);
                inPlace.Written[6..].SequenceEqual(copied.WrittenSpan).ShouldBeTrue($"{size} {compress}");

                var buffer = new ReadOnlySequence<byte>(copied.WrittenMemory);
                FrameReader.TryRead(ref buffer, Limits.FrameBytes, out var frame).ShouldBeTrue();
                frame.IsCompressed.ShouldBe(compress && size >= FrameWriter.CompressFromBytes);
                using var opened = FrameBody.Open(frame);
                opened.Span.SequenceEqual(body).ShouldBeTrue($"{size} {compress}");
            }
        }
    }

    [Test]
    public void What_does_not_shrink_by_an_eighth_is_sent_as_it_is()
    {
        var body = new byte[5000];
        new Random(1).NextBytes(body);
        var output = new ArrayBufferWriter<byte>();
        FrameWriter.Write(output, FrameType.Write, 1, body, new FrameOptions(Compress: true));
        output.WrittenCount.ShouldBe(Frame.HeaderSize + body.Length);
    }

    [TestCase(0x7fff_ffffu)]
    [TestCase(0x8000_0000u)]
    [TestCase(0xffff_ffffu)]
    [TestCase((17u << 20) + 1)]
    public void A_length_above_the_limit_is_refused_by_its_four_bytes(uint length)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, length);
        Refusal(bytes, Limits.FrameBytes).ShouldBe(WireError.FrameTooLarge);
    }

    [Test]
    public void The_limit_before_the_handshake_is_smaller()
    {
        var bytes = Frames((FrameType.Hello, 0, new byte[Limits.HandshakeFrameBytes], default));
        Refusal(bytes, Limits.HandshakeFrameBytes).ShouldBe(WireError.FrameTooLarge);
    }

    [Test]
    public void A_length_without_a_header_is_refused() => Refusal([15, 0, 0, 0], Limits.FrameBytes).ShouldBe(WireError.FrameTooSmall);

    [Test]
    public void Every_flipped_bit_is_found()
    {
        var bytes = Frames((FrameType.Get, 5, "hello"u8.ToArray(), WithEverything));
        for (var bit = 32; bit < bytes.Length * 8; bit++)
        {
            var damaged = (byte[])bytes.Clone();
            damaged[bit / 8] ^= (byte)(1 << (bit % 8));
            Refusal(damaged, Limits.FrameBytes).ShouldBe(WireError.BadChecksum, $"bit {bit}");
        }
    }

    [TestCase(9, (byte)0x80)]
    [TestCase(10, (byte)1)]
    public void Unknown_flags_and_reserved_bits_are_refused(int at, byte value)
    {
        var bytes = Frames((FrameType.Get, 5, [], default));
        bytes[at] |= value;
        Seal(bytes);
        Refusal(bytes, Limits.FrameBytes).ShouldBe(WireError.Malformed);
    }

    [TestCase(0u)]
    [TestCase((17u << 20) + 1)]
    [TestCase(0xffff_ffffu)]
    [TestCase(17u << 20)]
    public void A_claimed_size_costs_no_memory(uint rawLength)
    {
        var frame = Compressed(rawLength, new byte[100]);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Should.Throw<WireException>(() => FrameBody.Open(frame));
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan(100_000);
    }

    [Test]
    public void A_block_that_is_not_what_it_says_is_refused()
    {
        Should.Throw<WireException>(() => FrameBody.Open(Compressed(1000, new byte[100]))).Error.ShouldBe(WireError.BadCompression);
        var tiny = new Frame(FrameType.Get, FrameFlags.Compressed, 1, 0, default, new ReadOnlySequence<byte>(new byte[3]));
        Should.Throw<WireException>(() => FrameBody.Open(tiny)).Error.ShouldBe(WireError.Truncated);
    }

    [Test]
    public void A_frame_above_the_limit_is_not_written()
    {
        using var buffer = new FrameBuffer();
        var start = FrameWriter.Begin(buffer, FrameType.Write, 1);
        buffer.Write(new byte[Limits.FrameBytes]);
        Should.Throw<WireException>(() => FrameWriter.End(buffer, start)).Error.ShouldBe(WireError.FrameTooLarge);
        buffer.Length.ShouldBe(0);
        Should.Throw<WireException>(() => FrameWriter.Write(buffer, FrameType.Write, 1, new byte[Limits.FrameBytes]));
        buffer.Length.ShouldBe(0);
    }

    [Test]
    public void A_damaged_stream_ends_in_one_exception_and_takes_little_memory()
    {
        for (var seed = Seed; seed < Seed + 5000; seed++)
        {
            var random = new Random(seed);
            var bytes = RandomStream(random);
            for (var i = random.Next(4); i > 0; i--) bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
            var cut = random.Next(bytes.Length);
            var buffer = Segments(bytes, cut, cut + random.Next(bytes.Length - cut));
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                while (FrameReader.TryRead(ref buffer, Limits.FrameBytes, out var frame))
                {
                    using var body = FrameBody.Open(frame);
                }
            }
            catch (WireException)
            {
            }
            catch (Exception exception)
            {
                Assert.Fail($"seed {seed}: {exception}");
            }

            (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan(300_000, $"seed {seed}");
        }
    }

    private static byte[] RandomStream(Random random)
    {
        var frames = new (FrameType, ulong, byte[], FrameOptions)[random.Next(1, 4)];
        for (var i = 0; i < frames.Length; i++)
        {
            var body = new byte[random.Next(3) == 0 ? random.Next(1024, 4000) : random.Next(64)];
            frames[i] = ((FrameType)random.Next(256), (ulong)random.NextInt64(), body, new FrameOptions((uint)random.Next(2), default, random.Next(2) == 0));
        }

        return Frames(frames);
    }

    private static byte[] Frames(params (FrameType Type, ulong Id, byte[] Body, FrameOptions Options)[] frames)
    {
        var output = new ArrayBufferWriter<byte>();
        foreach (var (type, id, body, options) in frames) FrameWriter.Write(output, type, id, body, options);
        return output.WrittenSpan.ToArray();
    }

    private static Frame Compressed(uint rawLength, byte[] block)
    {
        var body = new byte[4 + block.Length];
        BinaryPrimitives.WriteUInt32LittleEndian(body, rawLength);
        block.CopyTo(body, 4);
        return new Frame(FrameType.Get, FrameFlags.Compressed, 1, 0, default, new ReadOnlySequence<byte>(body));
    }

    private static WireError Refusal(byte[] bytes, int limit)
    {
        var buffer = new ReadOnlySequence<byte>(bytes);
        return Should.Throw<WireException>(() => FrameReader.TryRead(ref buffer, limit, out _)).Error;
    }

    private static void Seal(byte[] frame) =>
        BinaryPrimitives.WriteUInt32LittleEndian(frame.AsSpan(4), (uint)System.IO.Hashing.XxHash3.HashToUInt64(frame.AsSpan(8)));

    private static ReadOnlySequence<byte> Segments(byte[] bytes, int first, int second)
    {
        var head = new Segment(bytes.AsMemory(0, first), null);
        var middle = new Segment(bytes.AsMemory(first, second - first), head);
        var tail = new Segment(bytes.AsMemory(second), middle);
        return new ReadOnlySequence<byte>(head, 0, tail, tail.Memory.Length);
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory, Segment? previous)
        {
            Memory = memory;
            if (previous is null) return;
            RunningIndex = previous.RunningIndex + previous.Memory.Length;
            previous.Next = this;
        }
    }
}
