using KvStore.Core.Node;
using KvStore.Core.Primitives;
using KvStore.Core.Storage;
using KvStore.Tests.Simulation;
using KvStore.Tests.Storage.Wal;
using Shouldly;

namespace KvStore.Tests.Storage.Faults;

/// <summary>Looking at the data directory of a node that does not run: what cannot be read is told, nothing is changed.</summary>
internal sealed class InspectionWork : FaultWork
{
    private const string Directory = "/data";
    private readonly List<string> _before;

    public InspectionWork()
    {
        NodeIdentity.Open(Disk, Directory, new Prng(5)).WithData(Disk, Directory);
        new ClusterFile(SmallFileWork.Topology, new byte[ClusterFile.SecretBytes]).Write(Disk, Directory);
        var scheduler = new SimScheduler(1);
        using (var engine = StorageEngine.Open(Disk, $"{Directory}/{DataDirectoryInspection.StoreName}", SimEngine.SmallOptions, scheduler, scheduler, new RecordingListener()))
        {
            var store = engine.CreatePartition(new PartitionId(1), "c"u8);
            for (ulong index = 1; index <= 100; index++)
            {
                store.Put(new LogIndex(index), Records.Key($"key{index}"), new byte[200], Records.Info(index));
                store.Publish(Records.State(index));
            }

            engine.FlushAll();
        }

        var wal = new WalHarness(1) { Disk = Disk, Directory = $"{Directory}/{DataDirectoryInspection.LogName}" };
        wal.Open();
        for (ulong index = 1; index <= 20; index++) wal.Submit(WalHarness.Entry(1, 1, index, new string('7', 2000)));
        wal.Scheduler.RunUntilIdle();
        wal.Log!.Dispose();
        _before = Contents();
    }

    public override void CheckAfterPowerCut()
    {
        Contents().ShouldBe(_before);
        Told.Clear();
        Work();
        Told.ShouldBeEmpty();
    }

    protected override void NoteReports()
    {
    }

    protected override void Work()
    {
        DataDirectoryInspection.IsDataDirectory(Disk, Directory).ShouldBeTrue();
        var report = DataDirectoryInspection.Inspect(Disk, Directory, everything: true, problem => Told.Add(new IOException(problem.ToString())));
        if (Told.Count > 0) return;
        report.Log.Records.ShouldBe(20);
        report.Store!.Tables.Sum(table => table.Records).ShouldBe(100);
    }

    private List<string> Contents() =>
    [
        .. new[] { "", $"/{DataDirectoryInspection.StoreName}", $"/{DataDirectoryInspection.LogName}" }
            .SelectMany(part => Disk.List(Directory + part).Select(name => $"{part}/{name} {StableHash.Of(Disk.Content($"{Directory}{part}/{name}"))}")),
    ];
}
