using System.Globalization;
using System.Text;
using KvStore.Core.Primitives;
using KvStore.Tests.Chaos.Nodes;
using KvStore.Tests.Simulation.Checkers;
using KvStore.Tests.Simulation.Runs;

namespace KvStore.Tests.Chaos.Load;

/// <summary>
/// Which keys are used when. Every so often all clients go over to fresh keys: the history of a key stays short enough to be decided, and the
/// old ones lie still, to be found again in the end. Classes: s is only written strongly, m either way, t expires.
/// </summary>
internal sealed class KeySpace(ChaosJournal journal, ulong seed)
{
    public const int KeysPerClass = 12;
    private const long EpochNs = 10_000_000_000;

    private readonly byte[] _noise = Noise(seed);

    private int Epoch => (int)(journal.NowNs / EpochNs);

    /// <summary>A key that is written now.</summary>
    public string Draw(Operation operation, Prng random)
    {
        var letter = operation switch
        {
            Operation.FastPut or Operation.FastDelete or Operation.FastBatchPut => 'm',
            Operation.PutForAWhile => 't',
            _ => random.Next(5) switch { 0 => 't', 1 => 'm', _ => 's' },
        };

        // What is old is only read.
        var isRead = operation is Operation.QuorumGet or Operation.LocalGet or Operation.QuorumGetOfMany or Operation.LocalGetOfMany;
        var epoch = isRead && random.Chance(1, 8) ? random.Next(Epoch + 1) : Epoch;
        return string.Create(CultureInfo.InvariantCulture, $"{PrefixOf(letter, epoch)}{random.Next(KeysPerClass)}");
    }

    /// <summary>What the keys of a class have in common now.</summary>
    public string DrawPrefix(Prng random) => PrefixOf("smt"[random.Next(3)], Epoch);

    /// <summary>The value that tells a write from all others, with a tail so that tables and logs grow.</summary>
    public byte[] Padded(string value, Prng random)
    {
        var length = random.Next(20) switch { 0 => random.Next(_noise.Length), < 8 => random.Next(4_000), _ => random.Next(40) };
        return TaggedValue.Of(value, _noise.AsSpan(random.Next(_noise.Length - length + 1), length));
    }

    private static string PrefixOf(char letter, int epoch) => string.Create(CultureInfo.InvariantCulture, $"{letter}{epoch}.");

    /// <summary>Of capital letters, so that it passes for text.</summary>
    private static byte[] Noise(ulong seed)
    {
        var (random, noise) = (new Prng(seed), new byte[60_000]);
        for (var i = 0; i < noise.Length; i++) noise[i] = (byte)('A' + random.Next(26));
        return noise;
    }
}
