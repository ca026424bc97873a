using System.Buffers;
using System.Buffers.Binary;
using System.IO.Hashing;
using System.IO.Pipelines;
using KvStore.Protocol.Wire;
using KvStore.Tests.Protocol.Messages;

namespace KvStore.Tests.Fuzzing.Targets;

/// <summary>A stream of frames, cut from a pipe into which it comes in pieces. Refused by <see cref="WireException"/>.</summary>
internal static class FrameTargets
{
    private const int LimitBytes = 1 << 20;

    private static readonly PipeOptions Unbounded = new(pauseWriterThreshold: 0, useSynchronizationContext: false, minimumSegmentSize: 64);

    public static IEnumerable<IDecoderTarget> All =>
    [
        new DecoderTarget
        {
            Name = "frames",
            Covers = [$"{nameof(FrameReader)}.{nameof(FrameReader.TryRead)}", $"{nameof(FrameBody)}.{nameof(FrameBody.Open)}", "WireReader"],
            Valid = Frames,
            Read = ReadInPieces,
            Refuses = [typeof(WireException)],
            Checksums = RepairFrames,
            RoundTrips = true,

            // A compressed body states its size, up to the limit; it is rented, written out again here, and rented from size classes.
            StatedBytes = 8L * LimitBytes,
            BytesPerByte = 64,
        },
    ];

    private static byte[] Frames(Random random)
    {
        var output = new ArrayBufferWriter<byte>();
        for (var left = random.Next(1, 4); left > 0; left--)
        {
            var message = RandomMessages.All[random.Next(RandomMessages.All.Length)];
            var body = message.Make(random);
            if (random.Next(3) == 0) body = [.. Enumerable.Repeat(body, 1 + (2000 / (body.Length + 1))).SelectMany(b => b)];
            var trace = random.Next(2) == 0 ? default : new TraceContext((UInt128)random.NextInt64() + 1, (ulong)random.NextInt64(), 1);
            var options = new FrameOptions(random.Next(2) == 0 ? 0 : (uint)random.Next(1, 100_000), trace, Compress: random.Next(2) == 0);
            FrameWriter.Write(output, (FrameType)random.Next(1, 0x28), (ulong)random.NextInt64(), body, options);
        }

        return output.WrittenSpan.ToArray();
    }

    /// <summary>What the frames say, written again in the plain form: whole, in pieces and in one piece the same.</summary>
    private static Decoded ReadInPieces(ReadOnlyMemory<byte> input)
    {
        var output = new ArrayBufferWriter<byte>();
        var shape = 0;
        var pipe = new Pipe(Unbounded);
        try
        {
            var pieces = new Random(input.Length);
            while (input.Length > 0)
            {
                var piece = input[..Math.Min(pieces.Next(1, 200), input.Length)];
                input = input[piece.Length..];
                pipe.Writer.Write(piece.Span);
                pipe.Writer.FlushAsync().AsTask().GetAwaiter().GetResult();
                if (!pipe.Reader.TryRead(out var received)) continue;
                var buffer = received.Buffer;
                while (FrameReader.TryRead(ref buffer, LimitBytes, out var frame)) shape = (shape * 8) + Rewrite(frame, output);
                pipe.Reader.AdvanceTo(buffer.Start, buffer.End);
            }
        }
        finally
        {
            pipe.Writer.Complete();
            pipe.Reader.Complete();
        }

        return new Decoded($"{shape}", output.WrittenSpan.ToArray());
    }

    private static int Rewrite(in Frame frame, ArrayBufferWriter<byte> output)
    {
        using var body = FrameBody.Open(frame, LimitBytes - 64);
        FrameWriter.Write(output, frame.Type, frame.RequestId, body.Span, new FrameOptions(frame.DeadlineMs, frame.Trace));
        return (int)frame.Flags;
    }

    private static void RepairFrames(Span<byte> input)
    {
        while (input.Length >= Frame.HeaderSize)
        {
            var length = BinaryPrimitives.ReadUInt32LittleEndian(input);
            if (length > (uint)(input.Length - 4) || length < Frame.HeaderSize - 4) return;
            var frame = input[..(4 + (int)length)];
            BinaryPrimitives.WriteUInt32LittleEndian(frame[4..], (uint)XxHash3.HashToUInt64(frame[8..]));
            input = input[frame.Length..];
        }
    }
}
