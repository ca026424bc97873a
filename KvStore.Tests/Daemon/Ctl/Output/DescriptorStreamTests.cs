using System.IO.Pipes;
using KvStore.Daemon.Ctl;
using KvStore.Daemon.Ctl.Output;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Daemon.Ctl.Output;

/// <summary>Standard output, with pipes and files in its place.</summary>
public sealed class DescriptorStreamTests
{
    [Test]
    public async Task Small_and_large_writes_arrive_in_order()
    {
        using var pipe = new AnonymousPipeServerStream(PipeDirection.Out);
        using var reader = new AnonymousPipeClientStream(PipeDirection.In, pipe.ClientSafePipeHandle);
        var sent = new byte[400_000];
        new Random(5).NextBytes(sent);
        var received = Task.Run(async () =>
        {
            var bytes = new byte[sent.Length];
            await reader.ReadExactlyAsync(bytes);
            return bytes;
        });
        await Task.Run(() =>
        {
            using var output = new DescriptorStream(FileDescriptor(pipe));
            foreach (var (from, to) in ((int, int)[])[(0, 10), (10, 60_000), (60_000, 200_000), (200_000, 200_000), (200_000, 400_000)]) output.Write(sent.AsSpan(from, to - from));
            output.Flush();
        });
        (await received).ShouldBe(sent);
    }

    [Test]
    public async Task A_reader_that_has_gone_ends_kvctl_quietly()
    {
        using var pipe = new AnonymousPipeServerStream(PipeDirection.Out);
        pipe.ClientSafePipeHandle.Dispose();
        pipe.DisposeLocalCopyOfClientHandle();
        var output = new DescriptorStream(FileDescriptor(pipe));
        output.Write("lost"u8);
        Should.Throw<OutputClosedException>(output.Flush);
        var error = new StringWriter();
        var streams = new CtlStreams { Out = output, Error = error, OpenInput = () => Stream.Null, Environment = _ => null };
        (await CtlMain.RunAsync(["version"], streams, CancellationToken.None)).ShouldBe(ExitCode.Done);
        error.ToString().ShouldBeEmpty();
    }

    [Test]
    public async Task Help_for_a_reader_that_has_gone_ends_quietly_too()
    {
        using var output = new LostStream(new OutputClosedException());
        var error = new StringWriter();
        var streams = new CtlStreams { Out = output, Error = error, OpenInput = () => Stream.Null, Environment = _ => null };
        (await CtlMain.RunAsync(["--help"], streams, CancellationToken.None)).ShouldBe(ExitCode.Done);
        error.ToString().ShouldBeEmpty();
    }

    [Test]
    public void Words_that_cannot_be_written_are_dropped()
    {
        using var full = new FileStream("/dev/full", FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
        using var error = new StreamWriter(new DescriptorStream((int)full.SafeFileHandle.DangerousGetHandle(), dispensable: true)) { AutoFlush = true };
        Should.NotThrow(() => error.WriteLine("nobody reads this"));
    }

    [Test]
    public async Task A_full_device_ends_with_1_and_says_so()
    {
        using var full = new FileStream("/dev/full", FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
        var error = new StringWriter();
        var streams = new CtlStreams
        {
            Out = new DescriptorStream((int)full.SafeFileHandle.DangerousGetHandle()),
            Error = error,
            OpenInput = () => Stream.Null,
            Environment = _ => null,
        };
        (await CtlMain.RunAsync(["version"], streams, CancellationToken.None)).ShouldBe(ExitCode.Unclassified);
        error.ToString().ShouldContain("cannot write the output");
    }

    private static int FileDescriptor(AnonymousPipeServerStream pipe) => (int)pipe.SafePipeHandle.DangerousGetHandle();
}
