namespace KvStore.Core.Storage;

/// <summary>Something wrong in a storage directory.</summary>
/// <param name="Path">The file.</param>
/// <param name="Offset">Where in it, in bytes.</param>
public sealed record StorageProblem(string Path, long Offset, string What);
