namespace KvStore.Core.Storage;

/// <summary>What a search for a key came to.</summary>
public enum Lookup : byte
{
    Absent,
    Found,

    /// <summary>Only the disk can tell, and it was not to be asked.</summary>
    NeedsDisk,
}
