namespace KvStore.Bench.Engine;

/// <summary>An embedded engine under test. Threads are numbered; each calls with its own number.</summary>
internal interface IStore : IDisposable
{
    string Name { get; }

    /// <summary>Writes a record; with <paramref name="sync"/> it survives a power cut when the call returns. A thread writes only keys of its own.</summary>
    void Put(int thread, long key, ReadOnlySpan<byte> value, bool sync);

    /// <summary>Looks a key up and reads its value; its length, or -1.</summary>
    int Get(int thread, long key);

    /// <summary>Reads every record in order; how many there are.</summary>
    long ScanAll();

    /// <summary>Everything in tables, nothing left to compact.</summary>
    void Settle();

    /// <summary>Closes and opens again; usable when the call returns.</summary>
    void Reopen();

    /// <summary>Bytes written to tables by flushes and compactions since it was opened.</summary>
    long WrittenBytes { get; }
}
