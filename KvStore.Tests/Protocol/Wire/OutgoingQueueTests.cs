using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using KvStore.Protocol.Wire;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Protocol.Wire;

[TestFixture]
public sealed class OutgoingQueueTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    [Test]
    public async Task In_a_scope_nothing_leaves_before_its_end_and_then_all_at_once()
    {
        var pipe = new Pipe();
        using var queue = new OutgoingQueue(pipe.Writer, _ => { });
        FlushScope.Enter();
        queue.TryAppend("one"u8).ShouldBeTrue();
        queue.TryAppend("two"u8).ShouldBeTrue();
        pipe.Reader.TryRead(out _).ShouldBeFalse();
        FlushScope.Leave();
        (await pipe.Reader.ReadAsync()).Buffer.ToArray().ShouldBe("onetwo"u8.ToArray());
        queue.Enqueued.ShouldBe(6);
    }

    [Test]
    public async Task A_frame_does_not_wait_for_the_scope_of_another_thread()
    {
        var pipe = new Pipe();
        using var queue = new OutgoingQueue(pipe.Writer, _ => { });
        using var appended = new ManualResetEventSlim();
        using var mayLeave = new ManualResetEventSlim();
        var slow = Task.Run(() =>
        {
            FlushScope.Enter();
            queue.TryAppend("slow"u8);
            appended.Set();
            mayLeave.Wait(Patience);
            FlushScope.Leave();
        });
        appended.Wait(Patience).ShouldBeTrue();
        await Task.Run(() =>
        {
            FlushScope.Enter();
            queue.TryAppend("fast"u8);
            FlushScope.Leave();
        });
        (await pipe.Reader.ReadAsync().AsTask().WaitAsync(Patience)).Buffer.ToArray().ShouldBe("slowfast"u8.ToArray());
        mayLeave.Set();
        await slow;
    }

    [Test]
    public async Task Frames_of_many_threads_stay_whole_and_each_threads_in_order()
    {
        const int threads = 4;
        const int frames = 5_000;
        var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 4096, resumeWriterThreshold: 2048, useSynchronizationContext: false));
        using var queue = new OutgoingQueue(pipe.Writer, _ => { });
        var writers = Enumerable.Range(0, threads).Select(thread => Task.Run(() =>
        {
            Span<byte> frame = stackalloc byte[8];
            for (var i = 0; i < frames; i++)
            {
                if (i % 7 == 0) FlushScope.Enter();
                BinaryPrimitives.WriteInt32LittleEndian(frame, thread);
                BinaryPrimitives.WriteInt32LittleEndian(frame[4..], i);
                queue.TryAppend(frame);
                if (i % 7 == 6 || i == frames - 1) FlushScope.Leave();
            }
        })).ToArray();
        var next = new int[threads];
        for (var read = 0; read < threads * frames;)
        {
            var result = await pipe.Reader.ReadAsync().AsTask().WaitAsync(Patience);
            var buffer = result.Buffer;
            for (; buffer.Length >= 8; buffer = buffer.Slice(8), read++)
            {
                var bytes = buffer.Slice(0, 8).ToArray();
                BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(4)).ShouldBe(next[BinaryPrimitives.ReadInt32LittleEndian(bytes)]++);
            }

            pipe.Reader.AdvanceTo(buffer.Start, buffer.End);
        }

        await Task.WhenAll(writers);
        next.ShouldAllBe(count => count == frames);
    }

    [Test]
    public void A_closed_queue_takes_nothing()
    {
        var queue = new OutgoingQueue(new Pipe().Writer, _ => { });
        queue.Dispose();
        queue.TryAppend("late"u8).ShouldBeFalse();
    }
}
