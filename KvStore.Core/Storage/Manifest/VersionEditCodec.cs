using System.Buffers;
using KvStore.Core.Primitives;
using KvStore.Core.Storage.Table;

namespace KvStore.Core.Storage.Manifest;

/// <summary>
/// An edit in bytes (docs/storage-format.md, 'Manifest'): fields of a tag (1 byte) and its content; numbers are varints, byte strings are
/// a varint length and the bytes.
/// </summary>
internal static class VersionEditCodec
{
    private const byte NextFileNumberTag = 1;
    private const byte NextGenerationTag = 2;
    private const byte AddedTag = 3;
    private const byte RemovedTag = 4;
    private const byte PartitionTag = 5;
    private const byte DroppedTag = 6;
    private const int MaxBytesField = 64 << 20;

    public static byte[] Encode(VersionEdit edit)
    {
        var bytes = new ArrayBufferWriter<byte>();
        if (edit.NextFileNumber is { } file) AppendField(bytes, NextFileNumberTag, file);
        if (edit.NextGeneration is { } generation) AppendField(bytes, NextGenerationTag, generation.Value);
        foreach (var number in edit.Removed) AppendField(bytes, RemovedTag, number);
        foreach (var (level, table) in edit.Added) AppendTable(bytes, level, table);
        foreach (var id in edit.Dropped) AppendField(bytes, DroppedTag, id.Value);
        foreach (var partition in edit.Partitions) AppendPartition(bytes, partition);
        return bytes.WrittenSpan.ToArray();
    }

    /// <exception cref="FormatException">This is no edit.</exception>
    public static VersionEdit Decode(ReadOnlySpan<byte> bytes)
    {
        var edit = new VersionEdit();
        for (var at = 0; at < bytes.Length;)
        {
            var tag = bytes[at++];
            switch (tag)
            {
                case NextFileNumberTag:
                    edit.NextFileNumber = Take(bytes, ref at);
                    break;
                case NextGenerationTag:
                    edit.NextGeneration = new Generation(checked((uint)Take(bytes, ref at)));
                    break;
                case RemovedTag:
                    edit.Removed.Add(Take(bytes, ref at));
                    break;
                case AddedTag:
                    edit.Added.Add(TakeTable(bytes, ref at));
                    break;
                case DroppedTag:
                    edit.Dropped.Add(TakePartitionId(bytes, ref at));
                    break;
                case PartitionTag:
                    edit.Partitions.Add(TakePartition(bytes, ref at));
                    break;
                default:
                    throw new FormatException($"unknown field {tag} in an edit");
            }
        }

        return edit;
    }

    private static void AppendTable(ArrayBufferWriter<byte> bytes, int level, TableInfo table)
    {
        AppendField(bytes, AddedTag, (ulong)level);
        Append(bytes, table.FileNumber);
        Append(bytes, (ulong)table.Bytes);
        Append(bytes, (ulong)table.Records);
        Append(bytes, table.Smallest);
        Append(bytes, table.Largest);
    }

    private static (int Level, TableInfo Table) TakeTable(ReadOnlySpan<byte> bytes, ref int at)
    {
        var level = checked((int)Take(bytes, ref at));
        if (level >= TableVersion.LevelCount) throw new FormatException($"a table in level {level}");
        var number = Take(bytes, ref at);
        var size = checked((long)Take(bytes, ref at));
        var records = checked((long)Take(bytes, ref at));
        return (level, new TableInfo(number, size, records, TakeBytes(bytes, ref at), TakeBytes(bytes, ref at)));
    }

    private static void AppendPartition(ArrayBufferWriter<byte> bytes, PartitionRecord partition)
    {
        AppendField(bytes, PartitionTag, partition.Id.Value);
        Append(bytes, partition.Generation.Value);
        Append(bytes, partition.Applied.Index.Value);
        Append(bytes, partition.Applied.Term.Value);
        Append(bytes, partition.Applied.LogTime);
        Append(bytes, partition.Floor.Value);
        Append(bytes, partition.Configuration is null ? 0ul : 1);
        if (partition.Configuration is { } configuration) Append(bytes, configuration);
    }

    private static PartitionRecord TakePartition(ReadOnlySpan<byte> bytes, ref int at)
    {
        var id = TakePartitionId(bytes, ref at);
        var generation = new Generation(checked((uint)Take(bytes, ref at)));
        var index = new LogIndex(Take(bytes, ref at));
        var term = new Term(Take(bytes, ref at));
        var logTime = Take(bytes, ref at);
        var floor = new LogIndex(Take(bytes, ref at));
        var configuration = Take(bytes, ref at) == 0 ? null : TakeBytes(bytes, ref at);
        return new PartitionRecord(id, generation, new AppliedState(index, term, logTime), floor, configuration);
    }

    private static PartitionId TakePartitionId(ReadOnlySpan<byte> bytes, ref int at) => new(checked((ushort)Take(bytes, ref at)));

    private static void AppendField(ArrayBufferWriter<byte> bytes, byte tag, ulong value)
    {
        bytes.GetSpan(1)[0] = tag;
        bytes.Advance(1);
        Append(bytes, value);
    }

    private static void Append(ArrayBufferWriter<byte> bytes, ulong value) => bytes.Advance(Varint.Write(bytes.GetSpan(Varint.MaxBytes), value));

    private static void Append(ArrayBufferWriter<byte> bytes, byte[] value)
    {
        Append(bytes, (ulong)value.Length);
        bytes.Write(value);
    }

    private static ulong Take(ReadOnlySpan<byte> bytes, ref int at) =>
        Varint.TryRead(bytes, ref at, out var value) ? value : throw new FormatException("an edit is broken");

    private static byte[] TakeBytes(ReadOnlySpan<byte> bytes, ref int at)
    {
        if (!Varint.TryReadLength(bytes, ref at, MaxBytesField, out var length) || length > bytes.Length - at) throw new FormatException("an edit is broken");
        at += length;
        return bytes.Slice(at - length, length).ToArray();
    }
}
