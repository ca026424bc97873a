using System.Buffers;
using KvStore.Core.Io;
using KvStore.Core.Primitives;

namespace KvStore.Core.Storage.Wal;

/// <summary>Reads single entries back, trusting nothing: type, partition, index and checksum must be right.</summary>
internal static class EntryReader
{
    /// <summary>Read at once, in the hope that the record is no longer.</summary>
    private const int ProbeBytes = 1024;

    /// <summary>Appends the data of the entry at <paramref name="offset"/> and returns its size.</summary>
    /// <exception cref="CorruptionException">What stands there is not that entry; nothing was appended.</exception>
    public static int Read(IFile file, int offset, PartitionId partition, LogIndex index, IBufferWriter<byte> destination)
    {
        Span<byte> probe = stackalloc byte[ProbeBytes];
        probe = probe[..file.Read(offset, probe)];
        var header = CheckHead(probe, file.Length - offset, partition, index, file.Path, offset);
        if (header.TotalBytes <= probe.Length) return Copy(probe[..header.TotalBytes], partition, index, destination, file.Path, offset);

        var dataBytes = header.PayloadBytes - RecordHeader.EntryPrefixBytes;
        var data = destination.GetSpan(dataBytes)[..dataBytes];
        const int DataFrom = RecordHeader.Bytes + RecordHeader.EntryPrefixBytes;
        probe[DataFrom..].CopyTo(data);
        var rest = data[(probe.Length - DataFrom)..];
        if (file.Read(offset + probe.Length, rest) < rest.Length) throw new CorruptionException(file.Path, offset, "the record is cut off");
        if (!header.IsIntact(probe, rest)) throw new CorruptionException(file.Path, offset, "the record's checksum is wrong");
        destination.Advance(dataBytes);
        return dataBytes;
    }

    /// <summary>As <see cref="Read"/>, from a whole record in memory.</summary>
    public static int Copy(ReadOnlySpan<byte> record, PartitionId partition, LogIndex index, IBufferWriter<byte> destination, string path, int offset)
    {
        var header = CheckHead(record, record.Length, partition, index, path, offset);
        if (!header.IsIntact(record, [])) throw new CorruptionException(path, offset, "the record's checksum is wrong");
        var data = record[(RecordHeader.Bytes + RecordHeader.EntryPrefixBytes)..];
        destination.Write(data);
        return data.Length;
    }

    private static RecordHeader CheckHead(ReadOnlySpan<byte> head, long room, PartitionId partition, LogIndex index, string path, int offset)
    {
        if (head.Length < RecordHeader.Bytes + RecordHeader.EntryPrefixBytes) throw new CorruptionException(path, offset, "the file ends within a record");
        var header = RecordHeader.Read(head);
        if (header.Type != WalRecordType.Entry || header.Partition != partition
            || header.PayloadBytes < RecordHeader.EntryPrefixBytes || header.PayloadBytes > room - RecordHeader.Bytes
            || RecordPayload.EntryIndex(head[RecordHeader.Bytes..]) != index)
        {
            throw new CorruptionException(path, offset, $"no entry {index} of {partition} is here");
        }

        return header;
    }
}
