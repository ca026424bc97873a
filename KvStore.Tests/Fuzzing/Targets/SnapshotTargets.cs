using System.Buffers;
using System.Buffers.Binary;
using KvStore.Core.Io;
using KvStore.Core.Primitives;
using KvStore.Core.Storage;
using KvStore.Tests.Storage;

namespace KvStore.Tests.Fuzzing.Targets;

/// <summary>A snapshot as it comes from another node: one chunk by itself, and a stream of them into a partition. Damage is a <see cref="CorruptionException"/>.</summary>
internal static class SnapshotTargets
{
    private const int ChunkBytes = 300;

    public static IEnumerable<IDecoderTarget> All =>
    [
        new DecoderTarget
        {
            Name = "snapshot-chunk",
            Covers = [$"{nameof(SnapshotChunk)}.{nameof(SnapshotChunk.Open)}", $"{nameof(SnapshotChunk)}.{nameof(SnapshotChunk.ReadRecord)}"],
            Valid = FirstChunk,
            Read = ReadChunk,
            Refuses = [typeof(CorruptionException)],
            Checksums = RepairChunk,
        },
        new DecoderTarget
        {
            Name = "snapshot-stream",
            Covers = ["PartitionIngest.Write"],
            Valid = RandomStream,
            Read = Ingest,
            Refuses = [typeof(CorruptionException)],
            Checksums = RepairStream,
            StatedBytes = 4 << 20,
            BytesPerByte = 200,
        },
    ];

    /// <summary>All chunks of a partition's export, each behind its length in four bytes.</summary>
    private static byte[] RandomStream(Random random)
    {
        using var sim = new SimEngine(1);
        var source = sim.Engine.CreatePartition(new PartitionId(1), "c"u8);
        for (var index = 1UL; index <= (ulong)random.Next(1, 15); index++)
        {
            if (random.Next(4) == 0) source.Delete(index, $"key{random.Next(20)}");
            else source.Put(index, $"key{random.Next(20)}", new string('v', random.Next(80)));
        }

        var stream = new ArrayBufferWriter<byte>();
        using var export = source.BeginExport();
        for (var more = true; more;)
        {
            var chunk = new ArrayBufferWriter<byte>();
            more = export.Read(chunk, ChunkBytes);
            BinaryPrimitives.WriteInt32LittleEndian(stream.GetSpan(4), chunk.WrittenCount);
            stream.Advance(4);
            stream.Write(chunk.WrittenSpan);
        }

        return stream.WrittenSpan.ToArray();
    }

    private static byte[] FirstChunk(Random random)
    {
        ReadOnlySpan<byte> stream = RandomStream(random);
        return Take(ref stream, out var chunk) ? chunk.ToArray() : [];
    }

    private static Decoded ReadChunk(ReadOnlyMemory<byte> input)
    {
        var chunk = input.Span;
        var at = SnapshotChunk.Open(chunk, 0, out var isLast, out var floor);
        var digest = new Digest().Add(isLast).Add(floor.Value);
        var count = 0;
        for (; at < chunk.Length; count++)
        {
            var record = SnapshotChunk.ReadRecord(chunk, ref at);
            digest.Add(record.Key).Add(record.Index.Value).Add(record.Info.ExpiresAtMs).Add(record.Value);
        }

        return digest.Done($"{count}");
    }

    private static void RepairChunk(Span<byte> chunk)
    {
        if (chunk.Length >= SnapshotChunk.HeaderBytes) BinaryPrimitives.WriteUInt32LittleEndian(chunk[4..], Crc32C.Of(chunk[8..]));
    }

    /// <summary>Takes the stream as the receiving node does; a snapshot that is complete is installed, read, and survives a start.</summary>
    private static Decoded Ingest(ReadOnlyMemory<byte> input)
    {
        var digest = new Digest();
        using var sim = new SimEngine(1);
        var store = sim.Engine.CreatePartition(new PartitionId(2), "t"u8);
        store.Put(1, "a", "1");
        var ingest = store.BeginIngest(Records.State(50), "new"u8);
        try
        {
            var stream = input.Span;
            var isLast = false;
            while (!isLast && Take(ref stream, out var chunk))
            {
                ingest.Write(chunk);
                isLast = (BinaryPrimitives.ReadUInt32LittleEndian(chunk[12..]) & 1) != 0;
            }

            if (!isLast) return Decoded.Refused;
            ingest.Install();
        }
        finally
        {
            ingest.Abort();
        }

        sim.Scheduler.RunUntilIdle();
        var content = Content(store);
        sim.Engine.Dispose();
        using var again = new SimEngine(2, sim.Disk);
        if (again.Engine.Find(new PartitionId(2)) is not { } found || Content(found) != content) throw new InvalidOperationException("a start changes what was installed");
        return digest.Add(content).Done();
    }

    /// <summary>Keys may hold anything: in hexadecimal.</summary>
    private static string Content(PartitionStore store)
    {
        var text = new System.Text.StringBuilder($"{store.Applied} {store.Floor}");
        using var view = store.Pin();
        var records = view.Scan([], [], includeOverlay: false);
        while (records.MoveNext()) text.Append(' ').Append(Convert.ToHexString(records.Key)).Append('=').Append(Convert.ToHexString(records.Value));
        return text.ToString();
    }

    private static void RepairStream(Span<byte> stream)
    {
        while (stream.Length >= 4)
        {
            var length = (int)Math.Min(BinaryPrimitives.ReadUInt32LittleEndian(stream), (uint)(stream.Length - 4));
            RepairChunk(stream.Slice(4, length));
            stream = stream[(4 + length)..];
        }
    }

    private static bool Take(ref ReadOnlySpan<byte> stream, out ReadOnlySpan<byte> chunk)
    {
        chunk = default;
        if (stream.Length < 4) return false;
        chunk = stream.Slice(4, (int)Math.Min(BinaryPrimitives.ReadUInt32LittleEndian(stream), (uint)(stream.Length - 4)));
        stream = stream[(4 + chunk.Length)..];
        return true;
    }
}
