namespace KvStore.Bench.Load;

/// <summary>An operation that the store did not do as asked; counted by message, never hidden.</summary>
internal sealed class LoadFailedException : Exception
{
    public LoadFailedException(string message)
        : base(message)
    {
    }

    public LoadFailedException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
