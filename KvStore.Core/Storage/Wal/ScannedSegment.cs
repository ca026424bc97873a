using KvStore.Core.Io;

namespace KvStore.Core.Storage.Wal;

/// <summary>A segment found on opening.</summary>
internal sealed class ScannedSegment(IFile file, SegmentHeader header, GroupState[] groups)
{
    public IFile File { get; } = file;

    public SegmentHeader Header { get; } = header;

    /// <summary>The group states with which the segment starts.</summary>
    public GroupState[] Groups { get; } = groups;

    /// <summary>Where its last whole batch ends; the next segment says so, or, for the newest, the batches themselves.</summary>
    public int End { get; set; }
}
