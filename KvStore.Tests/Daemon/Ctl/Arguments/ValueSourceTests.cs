using KvStore.Daemon.Ctl;
using KvStore.Daemon.Ctl.Arguments;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Daemon.Ctl.Arguments;

public sealed class ValueSourceTests
{
    [Test]
    public async Task A_plain_word_is_the_value() => (await ReadAsync("v")).ShouldBe("v"u8.ToArray());

    [Test]
    public async Task A_dash_reads_all_of_standard_input() => (await ReadAsync("-", input: [0, 255, 10])).ShouldBe(new byte[] { 0, 255, 10 });

    [Test]
    public async Task An_at_sign_reads_a_file()
    {
        var path = Path.GetTempFileName();
        await File.WriteAllBytesAsync(path, [1, 2, 3]);
        (await ReadAsync("@" + path)).ShouldBe(new byte[] { 1, 2, 3 });
        File.Delete(path);
        (await Should.ThrowAsync<UsageException>(() => ReadAsync("@" + path))).Message.ShouldStartWith($"cannot read '{path}'");
    }

    [Test]
    public async Task Reading_stops_one_byte_past_the_limit() =>
        (await ReadAsync("-", input: new byte[1000], limit: 100)).Length.ShouldBe(101);

    [Test]
    public async Task An_interrupt_ends_a_read_that_blocks()
    {
        using var blocked = new ManualResetEventSlim();
        using var interrupt = new CancellationTokenSource();
        var read = ValueSource.ReadValueAsync("-", base64: false, limit: 100, () => new BlockedStream(blocked), interrupt.Token);
        await interrupt.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(() => read);
        blocked.Set();
    }

    [Test]
    public async Task Base64_applies_to_what_is_read()
    {
        (await ReadAsync("AP8=", base64: true)).ShouldBe(new byte[] { 0, 255 });
        (await ReadAsync("-", base64: true, input: "AP8=\n"u8.ToArray())).ShouldBe(new byte[] { 0, 255 });
        (await Should.ThrowAsync<UsageException>(() => ReadAsync("%", base64: true))).Message.ShouldBe("--value-base64: '%' is not base64");
    }

    [Test]
    public void Keys_are_bytes_and_not_empty()
    {
        ValueSource.Key(RawArguments.Decode([0xff]), base64: false).ShouldBe(new byte[] { 0xff });
        ValueSource.Key("/w==", base64: true).ShouldBe(new byte[] { 0xff });
        Should.Throw<UsageException>(() => ValueSource.Key("", base64: false));
        Should.Throw<UsageException>(() => ValueSource.Key("!", base64: true));
        ValueSource.Key("@f", base64: false).ShouldBe("@f"u8.ToArray());
    }

    private static Task<byte[]> ReadAsync(string argument, bool base64 = false, byte[]? input = null, int limit = 1 << 20) =>
        ValueSource.ReadValueAsync(argument, base64, limit, () => new MemoryStream(input ?? []), CancellationToken.None);

    /// <summary>A terminal at which nobody types: its reads ignore cancellation.</summary>
    private sealed class BlockedStream(ManualResetEventSlim released) : MemoryStream
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            new(Task.Run(() =>
            {
                released.Wait(CancellationToken.None);
                return 0;
            }, CancellationToken.None));
    }
}
