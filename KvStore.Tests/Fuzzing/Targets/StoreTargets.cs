using System.Buffers;
using System.Buffers.Binary;
using KvStore.Core.Io;
using KvStore.Core.Primitives;
using KvStore.Core.Storage;
using KvStore.Core.Storage.Manifest;
using KvStore.Tests.Simulation;
using KvStore.Tests.Storage;

namespace KvStore.Tests.Fuzzing.Targets;

/// <summary>The manifest, and the storage engine on a directory of changed files.</summary>
internal static class StoreTargets
{
    private const ulong ManifestNumber = 1;

    public static IEnumerable<IDecoderTarget> All =>
    [
        new DecoderTarget
        {
            Name = "manifest-edit",
            Covers = [$"{nameof(VersionEditCodec)}.{nameof(VersionEditCodec.Decode)}"],
            Valid = random => ManifestRecordsOf(RandomStore(random)).First(edit => edit.Length > 0),
            Read = bytes => Decoded.Of(VersionEditCodec.Encode(VersionEditCodec.Decode(bytes.Span))),
            Refuses = [typeof(FormatException), typeof(OverflowException)],
            BytesPerByte = 64,
            RoundTrips = true,
        },
        new DecoderTarget
        {
            Name = "manifest",
            Covers = [$"{nameof(ManifestLog)}.{nameof(ManifestLog.Read)}", $"{nameof(ManifestRecord)}.{nameof(ManifestRecord.TryRead)}"],
            Valid = ManifestOf,
            Read = OpenManifest,
            Refuses = [typeof(CorruptionException)],
            Checksums = content => RepairManifest(content, ManifestNumber),
            StatedBytes = 4 << 20,
            BytesPerByte = 400,
        },
        new DecoderTarget
        {
            Name = "store",
            Covers =
            [
                $"{nameof(StorageEngine)}.{nameof(StorageEngine.Open)}", $"{nameof(TableTree)}.{nameof(TableTree.Open)}", "DirectoryContent",
            ],
            Valid = RandomStore,
            Read = input => OpenStore(FileSet.Disk(input.Span, SimEngine.Directory), new Digest(), StartsFor(input)),
            Refuses = [typeof(CorruptionException)],
            Checksums = Repair,
            StatedBytes = 4 << 20,
            BytesPerByte = 400,
        },
        new DecoderTarget
        {
            Name = "store-inspection",
            Covers = [$"{nameof(StorageInspection)}.{nameof(StorageInspection.Inspect)}", $"{nameof(StorageInspection)}.{nameof(StorageInspection.Verify)}", "TableCheck"],
            Valid = RandomStore,
            Read = Inspect,
            Refuses = [typeof(CorruptionException)],
            Checksums = Repair,
            StatedBytes = 1 << 20,
            BytesPerByte = 400,
        },
    ];

    /// <summary>A store of two partitions in a few small tables of several levels, closed.</summary>
    private static byte[] RandomStore(Random random)
    {
        var seed = (ulong)random.NextInt64();
        using var sim = new SimEngine(seed);
        var prng = new Prng(seed);
        var models = new List<EngineModel> { new(new PartitionId(1)), new(new PartitionId(2)) };
        foreach (var model in models) sim.Engine.CreatePartition(model.Id, model.ConfigurationAt(0));
        for (var round = random.Next(1, 4); round > 0; round--)
        {
            foreach (var model in models)
                for (var i = 0; i < 2; i++) model.Apply(sim.Engine.Find(model.Id)!, prng);
            sim.Engine.FlushAll();
            if (random.Next(2) == 0) sim.Scheduler.RunUntilIdle();
        }

        sim.Engine.Dispose();
        var manifest = $"{SimEngine.Directory}/{ManifestLog.FileName(ManifestNumber)}";
        sim.Disk.SetContent(manifest, WithoutReserve(sim.Disk.Content(manifest)));
        return FileSet.Of(sim.Disk, SimEngine.Directory);
    }

    /// <summary>What is reserved behind the end of a manifest would be most of every input.</summary>
    private static ReadOnlySpan<byte> WithoutReserve(byte[] manifest)
    {
        var used = manifest.AsSpan().LastIndexOfAnyExcept((byte)0) + 1;
        return manifest.AsSpan(0, (used + ManifestRecord.Alignment - 1) / ManifestRecord.Alignment * ManifestRecord.Alignment);
    }

    private static byte[] ManifestOf(Random random)
    {
        byte[] manifest = [];
        FileSet.Repair(RandomStore(random), (name, content) =>
        {
            if (name.StartsWith("MANIFEST", StringComparison.Ordinal)) manifest = content.ToArray();
        });
        return manifest;
    }

    /// <summary>None of the tables is there that the manifest names.</summary>
    private static Decoded OpenManifest(ReadOnlyMemory<byte> input)
    {
        var disk = new SimDisk(1);
        disk.CreateDirectory(SimEngine.Directory);
        disk.SetContent($"{SimEngine.Directory}/{ManifestLog.FileName(ManifestNumber)}", input.Span);
        CurrentFile.Write(disk, SimEngine.Directory, ManifestNumber);
        var digest = new Digest();
        var report = StorageInspection.Inspect(disk, SimEngine.Directory, _ => { });
        return OpenStore(disk, digest.Add($"{report.Tables.Count} {report.Partitions.Count}"), StartsFor(input));
    }

    private static List<byte[]> ManifestRecordsOf(byte[] store)
    {
        var edits = new List<byte[]>();
        FileSet.Repair(store, (name, content) =>
        {
            if (!name.StartsWith("MANIFEST", StringComparison.Ordinal)) return;
            for (var at = 0; ManifestRecord.TryRead(content[at..], NumberIn(name), out var record, out var payload); at += record.PaddedBytes) edits.Add(payload.ToArray());
        });
        return edits;
    }

    /// <summary>Opens the engine, reads all partitions, lets it tidy up, and at times opens it again.</summary>
    private static Decoded OpenStore(SimDisk disk, Digest digest, int starts)
    {
        var shape = "";
        for (; starts > 0; starts--)
        {
            using var sim = new SimEngine(1, disk);
            shape += $"{sim.Engine.Partitions.Count}:{sim.Listener.Corruptions.Count} ";
            foreach (var store in sim.Engine.Partitions)
            {
                ReadPartition(store, digest);
                digest.Add(store.Applied.Index.Value).Add(store.Floor.Value).Add(store.Configuration);
            }

            sim.Scheduler.RunUntilIdle();
            if (sim.Listener.Failures.Count > 0) throw new InvalidOperationException("the engine stopped", sim.Listener.Failures[0]);
        }

        return digest.Done(shape);
    }

    /// <summary>A second start costs as much again: one input of eight gets it.</summary>
    private static int StartsFor(ReadOnlyMemory<byte> input) => StableHash.Of(input.Span) % 8 == 0 ? 2 : 1;

    private static void ReadPartition(PartitionStore store, Digest digest)
    {
        try
        {
            using var view = store.Pin();
            digest.Add(view.TryGet(Records.Key("key-001"), includeOverlay: false, out var info, out var value)).Add(info.ExpiresAtMs).Add(value);
            var records = view.Scan([], [], includeOverlay: false);
            while (records.MoveNext()) digest.Add(records.Key).Add(records.Value);
        }
        catch (CorruptionException damage)
        {
            digest.Add(damage.Offset);
        }
    }

    private static Decoded Inspect(ReadOnlyMemory<byte> input)
    {
        var disk = FileSet.Disk(input.Span, SimEngine.Directory);
        var digest = new Digest();
        void Note(StorageProblem problem) => digest.Add(problem.Path).Add(problem.Offset);
        var problems = StorageInspection.Verify(disk, SimEngine.Directory, Note);
        var report = StorageInspection.Inspect(disk, SimEngine.Directory, Note);
        foreach (var table in report.Tables) digest.Add($"{table}");
        foreach (var partition in report.Partitions) digest.Add($"{partition}");
        return digest.Done($"{problems} {report.Tables.Count} {report.Partitions.Count}");
    }

    private static void Repair(Span<byte> input) => FileSet.Repair(input, (name, content) =>
    {
        if (name == CurrentFile.Name && content.Length == 32) BinaryPrimitives.WriteUInt64LittleEndian(content[24..], StableHash.Of(content[..24]));
        else if (name.StartsWith("MANIFEST", StringComparison.Ordinal)) RepairManifest(content, NumberIn(name));
        else if (name.EndsWith(".sst", StringComparison.Ordinal)) TableTargets.Repair(content, NumberIn(name));
    });

    private static void RepairManifest(Span<byte> content, ulong number)
    {
        const int checksumAt = ManifestRecord.HeaderBytes - 8;
        for (var at = 0; at + ManifestRecord.HeaderBytes <= content.Length; at += ManifestRecord.Alignment)
        {
            var record = content[at..];
            var length = BinaryPrimitives.ReadUInt32LittleEndian(record[16..]);
            if (!record.StartsWith("kvdM"u8) || length > (uint)(record.Length - ManifestRecord.HeaderBytes)) continue;
            var ofPayload = StableHash.Of(record.Slice(ManifestRecord.HeaderBytes, (int)length), (long)number);
            BinaryPrimitives.WriteUInt64LittleEndian(record[checksumAt..], StableHash.Of(record[..checksumAt], (long)ofPayload));
        }
    }

    private static ulong NumberIn(string name) => ulong.TryParse(string.Concat(name.Where(char.IsAsciiDigit)), out var number) ? number : ManifestNumber;
}
