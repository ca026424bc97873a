using KvStore.Core.Primitives;
using KvStore.Core.Raft;
using KvStore.Core.Storage.Wal;
using KvStore.Tests.Storage.Wal;

namespace KvStore.Tests.Storage;

/// <summary>One partition of a <see cref="DurableStory"/> as its replica knows it: its log, of which the first part is committed, and where each entry stands in the WAL.</summary>
internal sealed class DurableGroup
{
    public static readonly ReplicaId Self = new(1);
    private const int EntryHeaderBytes = Core.Node.EntryHeader.Size;
    private readonly List<Lsn> _lsns = [];
    private readonly List<WalAddress> _addresses = [];
    private readonly List<byte[]> _payloads = [];
    private readonly Dictionary<WalRecord, ModelEntry> _written = new(ReferenceEqualityComparer.Instance);
    private static readonly byte[] Configuration = Encode();

    public DurableGroup(PartitionId id) => Model = NewModel(id);

    /// <summary>The whole log. The engine has applied some of it.</summary>
    public EngineModel Model { get; }

    public ulong Term { get; private set; } = 1;

    /// <summary>Entries up to here are never cut; they were durable, or came with a snapshot.</summary>
    public ulong Committed { get; set; }

    /// <summary>A snapshot whose installation has begun: it is in place or not, and the manifest says which.</summary>
    public EngineModel? Installing { get; set; }

    /// <summary>A model with a configuration that the node's recovery can read.</summary>
    public static EngineModel NewModel(PartitionId id) => new(id, _ => Configuration);

    public ulong NextTerm() => ++Term;

    /// <summary>An entry of the current term at the end of the log, which is the next record of the WAL.</summary>
    public WalRecord Append(Prng random, Lsn lsn)
    {
        var entry = Model.Append(random, Term);
        var payload = new byte[EntryHeaderBytes + random.Next(random.Chance(1, 30) ? 9_000 : 700)];
        random.Fill(payload.AsSpan(EntryHeaderBytes));
        payload[0] = 1;
        Place(payload, lsn, WalAddress.None);
        var record = WalHarness.Entry(Model.Id.Value, Term, Model.Last, Convert.ToHexString(payload));
        _written.Add(record, entry);
        return record;
    }

    /// <summary>The entry of a record that came back, at the end of the log.</summary>
    public void Restore(WalRecord record, WalAddress address)
    {
        Model.Add(_written[record]);
        Place(Convert.FromHexString(record.Data), Lsn.Zero, address);
    }

    private void Place(byte[] payload, Lsn lsn, WalAddress address)
    {
        _payloads.Add(payload);
        _lsns.Add(lsn);
        _addresses.Add(address);
    }

    public void SetAddress(ulong index, WalAddress address) => _addresses[(int)index - 1] = address;

    /// <summary>Where an entry stands; none if it came with a snapshot.</summary>
    public WalAddress AddressOf(ulong index) => _addresses[(int)index - 1];

    public ReadOnlySpan<byte> PayloadOf(ulong index) => _payloads[(int)index - 1];

    public Lsn LsnOf(ulong index) => _lsns[(int)index - 1];

    public void CutAfter(ulong index)
    {
        Model.CutAfter(index);
        var kept = (int)Model.Last;
        _lsns.RemoveRange(kept, _lsns.Count - kept);
        _addresses.RemoveRange(kept, _addresses.Count - kept);
        _payloads.RemoveRange(kept, _payloads.Count - kept);
    }

    /// <summary>The log is that of a snapshot; nothing of it stands in the WAL.</summary>
    public void BecomeCopyOf(EngineModel snapshot)
    {
        Model.BecomeCopyOf(snapshot, snapshot.Last);
        _lsns.Clear();
        _addresses.Clear();
        _payloads.Clear();
        for (ulong index = 0; index < Model.Last; index++) Place([], Lsn.Zero, WalAddress.None);

        Committed = Model.Last;
        Installing = null;
    }

    /// <summary>A log that other replicas may have committed: what is committed here, and more of a later term.</summary>
    public EngineModel DrawFuture(Prng random)
    {
        var future = NewModel(Model.Id);
        future.BecomeCopyOf(Model, Committed);
        NextTerm();
        for (var count = random.Next(1, 12); count > 0; count--) future.Append(random, Term);
        return future;
    }

    private static byte[] Encode()
    {
        var bytes = new Core.Node.ByteBuffer();
        RaftConfiguration.Of(
            new Member(new NodeId(1), 1, Self), new Member(new NodeId(2), 2, new ReplicaId(2)), new Member(new NodeId(3), 3, new ReplicaId(3))).Encode(bytes);
        return bytes.Written.ToArray();
    }
}
