using System.Runtime.InteropServices;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Fuzzing;

/// <summary>The attack finds what it is for: each of these decoders breaks one promise, on inputs that are not the valid ones.</summary>
public sealed class FuzzRunTests
{
    private static readonly TimeSpan Budget = TimeSpan.FromSeconds(20);

    [Test]
    public void An_undocumented_exception_is_found_and_its_input_made_short()
    {
        // Only a count beyond the end: neither the valid inputs nor most changed ones.
        var finding = Attack(input => Decoded.Of(input.Span[2..][..input.Span[0]].ToArray()));
        finding.Problem.ShouldContain(nameof(ArgumentOutOfRangeException));
        finding.Input.Length.ShouldBeLessThan(4);
    }

    [Test]
    public void Memory_for_a_stated_length_is_found() =>
        Attack(input => input.Length < 4 ? Decoded.Refused : Decoded.Of([(byte)new byte[BitConverter.ToUInt32(input.Span) & 0x3FFFFFF].Length])).Problem.ShouldContain("allocates");

    [Test]
    public void A_read_behind_the_input_is_found() =>
        Attack(input => MemoryMarshal.TryGetArray(input, out var array) ? Decoded.Of([array.Array![array.Offset + Math.Max(20, input.Length)]]) : Decoded.Refused).Problem.ShouldContain("outside");

    [Test]
    public void A_meaning_that_changes_is_found() =>
        Attack(input => Decoded.Of([.. input.Span, 0]), roundTrips: true).Problem.ShouldContain("means something else");

    [Test]
    public void A_decoder_that_takes_long_is_found() =>
        Attack(input =>
        {
            if (input.Length > 0 && input.Span[0] == 0xFF) SpinWait.SpinUntil(() => false, TimeSpan.FromSeconds(2.2));
            return Decoded.Refused;
        }).Problem.ShouldContain("takes");

    /// <summary>The checksum is of no use to a decoder that trusts what stands behind it.</summary>
    [Test]
    public void What_lies_behind_a_checksum_is_reached() =>
        Attack(
            input => input.Length < 3 || input.Span[0] != Sum(input.Span[1..]) ? Decoded.Refused : input.Span[1] == 0xEE ? throw new InvalidOperationException() : Decoded.Of([1]),
            input =>
            {
                if (input.Length > 0) input[0] = Sum(input[1..]);
            }).Problem.ShouldContain(nameof(InvalidOperationException));

    [Test]
    public void A_decoder_that_keeps_its_promises_has_no_finding()
    {
        var report = new FuzzRun(Target(input => Decoded.Of(input.ToArray()), roundTrips: true), 1).Run(TimeSpan.FromSeconds(0.2));
        report.Finding.ShouldBeNull();
        report.Inputs.ShouldBeGreaterThan(100);
        report.Features.ShouldBeGreaterThan(3);
    }

    [Test]
    public void A_seed_gives_the_same_inputs()
    {
        List<byte[]> Inputs()
        {
            var inputs = new List<byte[]>();
            new FuzzRun(Target(input =>
            {
                if (inputs.Count < 600) inputs.Add(input.ToArray());
                return inputs.Count < 600 ? Decoded.Of(input.ToArray()) : throw new InvalidOperationException();
            }), 7).Run(Budget).Finding.ShouldNotBeNull();
            return inputs;
        }

        Inputs().SelectMany(input => input).ShouldBe(Inputs().SelectMany(input => input));
    }

    [Test]
    public void A_kept_input_is_read_as_it_was_written([Values(0, 3, 200, 201, 70_000)] int length)
    {
        var input = new byte[length];
        new Random(length).NextBytes(input);
        KeptInputs.BytesOf(KeptInputs.TextOf(input) + " what it was about").ShouldBe(input);
    }

    private static Finding Attack(Func<ReadOnlyMemory<byte>, Decoded> read, DecoderTarget.RepairChecksums? repair = null, bool roundTrips = false) =>
        new FuzzRun(Target(read, repair, roundTrips), 1).Run(Budget).Finding.ShouldNotBeNull();

    private static DecoderTarget Target(Func<ReadOnlyMemory<byte>, Decoded> read, DecoderTarget.RepairChecksums? repair = null, bool roundTrips = false) => new()
    {
        Name = "planted",
        Covers = [],
        Valid = random => [Sum([3, 0, 1, 2, 3]), 3, 0, 1, 2, 3],
        Read = read,
        Checksums = repair,
        RoundTrips = roundTrips,
    };

    private static byte Sum(ReadOnlySpan<byte> bytes)
    {
        byte sum = 1;
        foreach (var b in bytes) sum = (byte)((sum * 31) + b);
        return sum;
    }
}
