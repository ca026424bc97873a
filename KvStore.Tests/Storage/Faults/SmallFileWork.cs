using KvStore.Core.Node;
using KvStore.Core.Primitives;
using KvStore.Core.Ring;
using KvStore.Tests.Simulation;
using Shouldly;

namespace KvStore.Tests.Storage.Faults;

/// <summary>Identity, membership and the promise to become a member.</summary>
internal sealed class SmallFileWork : FaultWork
{
    private const string Directory = "/data";
    private static readonly byte[] Secret = [.. Enumerable.Range(0, ClusterFile.SecretBytes).Select(i => (byte)i)];
    private static readonly PendingInit Promise = new(9, 16, ["a:1", "b:2", "c:3"]);
    private ulong _boot;
    private bool _isMember;
    private bool _isPending;

    public static Topology Topology => Topology.Form(1, 16, [.. Enumerable.Range(1, 3).Select(i => new ClusterMember { Id = new NodeId((ushort)i), Name = $"n{i}", Address = $"h{i}:1", Incarnation = (ulong)i })]);

    public override void CheckAfterPowerCut()
    {
        Disk = Disk.Crash();
        if (_boot > 0) NodeIdentity.Open(Disk, Directory, new Prng(1)).Boot.ShouldBeGreaterThan(_boot);
        if (_isMember) ClusterFile.Read(Disk, Directory)!.Topology.ClusterId.ShouldBe(Topology.ClusterId);
        if (_isPending) PendingInit.Read(Disk, Directory).ShouldNotBeNull();
        Work();
    }

    protected override void NoteReports()
    {
    }

    protected override void Work()
    {
        Disk.SetContent($"{Directory}/identity.tmp", "left by a crash"u8);
        for (var start = 0; start < 2; start++) _boot = NodeIdentity.Open(Disk, Directory, new Prng(5)).WithData(Disk, Directory).Boot;
        Promise.Write(Disk, Directory);
        _isPending = true;
        PendingInit.Read(Disk, Directory)!.Addresses.ShouldBe(Promise.Addresses);
        new ClusterFile(Topology, Secret).Write(Disk, Directory);
        _isMember = true;
        _isPending = false;
        StartOnFullDisk();
        PendingInit.Remove(Disk, Directory);
        PendingInit.Read(Disk, Directory).ShouldBeNull();
        ClusterFile.Read(Disk, Directory)!.Secret.Span.SequenceEqual(Secret).ShouldBeTrue();
    }

    private void StartOnFullDisk()
    {
        var capacity = Disk.CapacityBytes;
        StartReserve.Renew(Disk, Directory);
        Disk.CapacityBytes = Disk.UsedBytes;
        StartReserve.Release(Disk, Directory);
        Disk.CapacityBytes = Disk.UsedBytes;
        StartReserve.Renew(Disk, Directory);
        Disk.CapacityBytes = capacity;
        StartReserve.Renew(Disk, Directory);
    }
}
