namespace KvStore.Core.Storage.Table;

/// <summary>How a walk over a table, or a search in it, reads its blocks.</summary>
internal enum BlockAccess
{
    /// <summary>Through the cache, without making its blocks look wanted.</summary>
    Cached,

    /// <summary>From the disk: for compaction, export and verification, which read everything once.</summary>
    Direct,

    /// <summary>From memory, the cache's or the operating system's: a search ends as <see cref="Lookup.NeedsDisk"/> where a block is in neither.</summary>
    InMemory,
}
