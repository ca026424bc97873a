using KvStore.Core.Node;
using KvStore.Core.Primitives;
using KvStore.Core.Storage;
using KvStore.Core.Storage.Wal;
using KvStore.Tests.Simulation;
using KvStore.Tests.Storage.Wal;
using Shouldly;

namespace KvStore.Tests.Storage.Faults;

/// <summary>Looking at the data directory of a node that does not run: what cannot be read is told, nothing is changed.</summary>
internal sealed class InspectionWork : FaultWork
{
    private const string Directory = "/data";
    private const string DamagedLog = "/damaged";
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

        WriteLog($"{Directory}/{DataDirectoryInspection.LogName}", entriesTogether: 20);
        WriteLog(DamagedLog, entriesTogether: 1);
        Disk.FlipBit($"{DamagedLog}/{WalFormat.SegmentName(1)}", 3 * WalFormat.PageBytes, 0);
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
        WalInspection.Inspect(Disk, DamagedLog).Problems.Count.ShouldBe(1);
    }

    private void WriteLog(string directory, ulong entriesTogether)
    {
        var wal = new WalHarness(1) { Disk = Disk, Directory = directory };
        wal.Open();
        for (ulong index = 1; index <= 20; index++)
        {
            wal.Submit(WalHarness.Entry(1, 1, index, new string('7', 2000)));
            if (index % entriesTogether == 0) wal.Scheduler.RunUntilIdle();
        }

        wal.Log!.Dispose();
    }

    private List<string> Contents() =>
    [
        .. new[] { Directory, $"{Directory}/{DataDirectoryInspection.StoreName}", $"{Directory}/{DataDirectoryInspection.LogName}", DamagedLog }
            .SelectMany(directory => Disk.List(directory).Select(name => $"{directory}/{name} {StableHash.Of(Disk.Content($"{directory}/{name}"))}")),
    ];
}
