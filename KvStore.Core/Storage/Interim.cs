#pragma warning disable IDE0040, CA1822, CA1801
using System.Buffers;
using KvStore.Core.Io;
using KvStore.Core.Primitives;

namespace KvStore.Core.Storage;

public readonly record struct RecordInfo(Revision Revision, long ExpiresAtMs, bool IsTombstone);
public readonly record struct AppliedState(LogIndex Index, Term Term, ulong LogTime);
public sealed class StorageOptions { public long MemTableBytes { get; init; } public long BlockCacheBytes { get; init; } }
public enum WritePressure { None, SlowDown, Stall, DiskFull }
public interface IStorageListener { void OnFlushed(PartitionId p, AppliedState durable); void OnFailed(Exception cause); void OnCorruption(CorruptionException e, PartitionId? p); }
public sealed class StorageEngine : IDisposable {
  private readonly Dictionary<PartitionId, PartitionStore> _p = [];
  public static StorageEngine Open(IFileSystem fs, string directory, StorageOptions options, IScheduler scheduler, IClock clock, IStorageListener listener) => new();
  public PartitionStore CreatePartition(PartitionId id, ReadOnlySpan<byte> configuration) { var s = new PartitionStore(id, configuration.ToArray()); _p[id] = s; return s; }
  public PartitionStore? Find(PartitionId id) => _p.GetValueOrDefault(id);
  public IReadOnlyCollection<PartitionStore> Partitions => _p.Values;
  public void RequestFlush(PartitionId? oldestFirst = null) {}
  public WritePressure Pressure => WritePressure.None;
  public void Dispose() {}
}
public sealed class PartitionStore(PartitionId id, byte[] configuration) {
  internal sealed class Cmp : IComparer<byte[]> { public int Compare(byte[]? a, byte[]? b) => a.AsSpan().SequenceCompareTo(b); }
  internal readonly SortedDictionary<byte[], (LogIndex I, RecordInfo Info, byte[] V)> T = new(new Cmp());
  internal readonly SortedDictionary<byte[], (LogIndex I, RecordInfo Info, byte[] V)> O = new(new Cmp());
  public PartitionId Id => id; public AppliedState Durable { get; private set; } public AppliedState Applied { get; private set; } public byte[] Configuration { get; private set; } = configuration;
  public void Put(LogIndex index, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, in RecordInfo info) { lock (T) T[key.ToArray()] = (index, info, value.ToArray()); }
  public void Delete(LogIndex index, ReadOnlySpan<byte> key, in RecordInfo info) { lock (T) T[key.ToArray()] = (index, info, []); }
  public void Publish(in AppliedState state) { lock (T) { Applied = state; foreach (var k in O.Where(x => x.Value.I <= Applied.Index).Select(x => x.Key).ToList()) O.Remove(k); } }
  public void SetConfiguration(ReadOnlySpan<byte> c) => Configuration = c.ToArray();
  public void OverlayPut(LogIndex index, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, in RecordInfo info) { lock (T) O[key.ToArray()] = (index, info, value.ToArray()); }
  public void OverlayDelete(LogIndex index, ReadOnlySpan<byte> key, in RecordInfo info) { lock (T) O[key.ToArray()] = (index, info, []); }
  public void PublishOverlay(LogIndex through) {}
  public void OverlayTruncate(LogIndex from) { lock (T) foreach (var k in O.Where(x => x.Value.I >= from).Select(x => x.Key).ToList()) O.Remove(k); }
  public ReadView Pin() => new(this);
  public PartitionScan OpenScan(ReadOnlySpan<byte> start, ReadOnlySpan<byte> end, bool overlay) { var v = Pin(); return new(v.Scan(start, end, overlay), Applied.LogTime); }
  public PartitionExport BeginExport() { lock (T) return new(Applied, Configuration, [.. T]); }
  public PartitionIngest BeginIngest(AppliedState state, ReadOnlySpan<byte> c) => new(this, state, c.ToArray());
  internal void Install(AppliedState s, byte[] c, List<(byte[] K, (LogIndex, RecordInfo, byte[]) V)> rows) { lock (T) { T.Clear(); O.Clear(); foreach (var r in rows) T[r.K] = r.V; Applied = s; Durable = s; Configuration = c; } }
}
public ref struct ReadView(PartitionStore s) : IDisposable {
  public LogIndex ReadIndex => s.Applied.Index; public ulong LogTime => s.Applied.LogTime;
  public bool TryGet(ReadOnlySpan<byte> key, bool includeOverlay, out RecordInfo info, out ReadOnlySpan<byte> value) {
    lock (s.T) { if ((includeOverlay && s.O.TryGetValue(key.ToArray(), out var r)) || s.T.TryGetValue(key.ToArray(), out r)) { info = r.Info; value = r.V; return true; } }
    info = default; value = default; return false; }
  public RecordIterator Scan(ReadOnlySpan<byte> start, ReadOnlySpan<byte> end, bool includeOverlay) {
    var st = start.ToArray(); var en = end.ToArray(); var rows = new List<(byte[], RecordInfo, byte[])>();
    lock (s.T) { var all = new SortedDictionary<byte[], (LogIndex I, RecordInfo Info, byte[] V)>(s.T, new PartitionStore.Cmp()); if (includeOverlay) foreach (var o in s.O) all[o.Key] = o.Value;
      foreach (var r in all) if (r.Key.AsSpan().SequenceCompareTo(st) >= 0 && (en.Length == 0 || r.Key.AsSpan().SequenceCompareTo(en) < 0)) rows.Add((r.Key, r.Value.Info, r.Value.V)); }
    return new(rows); }
  public void Dispose() {}
}
public sealed class RecordIterator(List<(byte[] K, RecordInfo I, byte[] V)> rows) : IDisposable { int _i = -1; public bool MoveNext() => ++_i < rows.Count; public ReadOnlySpan<byte> Key => rows[_i].K; public RecordInfo Info => rows[_i].I; public ReadOnlySpan<byte> Value => rows[_i].V; public void Dispose() {} }
public sealed class PartitionExport(AppliedState state, byte[] conf, List<KeyValuePair<byte[], (LogIndex I, RecordInfo Info, byte[] V)>> rows) : IDisposable {
  int _i; public AppliedState State => state; public byte[] Configuration => conf;
  public bool Read(IBufferWriter<byte> w, int maxBytes) {
    var ms = new MemoryStream(); var b = new BinaryWriter(ms);
    while (_i < rows.Count && ms.Length < maxBytes) { var (k, v) = rows[_i++]; b.Write(k.Length); b.Write(k); b.Write(v.I.Value); b.Write(v.Info.Revision.Version.Term.Value); b.Write(v.Info.Revision.Version.Index.Value); b.Write(v.Info.Revision.Timestamp.Ticks); b.Write(v.Info.Revision.Timestamp.Node.Value); b.Write(v.Info.ExpiresAtMs); b.Write(v.Info.IsTombstone); b.Write(v.V.Length); b.Write(v.V); }
    b.Flush(); w.Write(ms.ToArray()); return _i < rows.Count; }
  public void Dispose() {}
}
public sealed class PartitionIngest(PartitionStore s, AppliedState state, byte[] conf) {
  readonly List<(byte[] K, (LogIndex, RecordInfo, byte[]) V)> _rows = [];
  public void Write(ReadOnlySpan<byte> chunk) { var ms = new MemoryStream(chunk.ToArray()); var b = new BinaryReader(ms);
    while (ms.Position < ms.Length) { var k = b.ReadBytes(b.ReadInt32()); var i = new LogIndex(b.ReadUInt64()); var rev = new Revision(new(new(b.ReadUInt64()), new(b.ReadUInt64())), new(b.ReadUInt64(), new(b.ReadUInt16()))); var info = new RecordInfo(rev, b.ReadInt64(), b.ReadBoolean()); var v = b.ReadBytes(b.ReadInt32()); _rows.Add((k, (i, info, v))); } }
  public void Install() => s.Install(state, conf, _rows);
  public void Abort() {}
}

public sealed class PartitionScan(RecordIterator it, ulong logTime) : IDisposable { public ulong LogTime => logTime; public bool MoveNext() => it.MoveNext(); public ReadOnlySpan<byte> Key => it.Key; public ReadOnlySpan<byte> Value => it.Value; public RecordInfo Info => it.Info; public void Dispose() {} }
