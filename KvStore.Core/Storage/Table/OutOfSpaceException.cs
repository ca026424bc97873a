using KvStore.Core.Io;

namespace KvStore.Core.Storage.Table;

/// <summary>A table that nobody relies on yet could not be written for lack of space: it is given up, and may be written anew when there is some.</summary>
internal sealed class OutOfSpaceException(DiskException cause) : Exception(cause.Message, cause);
