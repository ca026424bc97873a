namespace KvStore.Core.Io;

/// <summary>A closure as a work item, for paths that are not hot.</summary>
internal sealed class WorkItem(Action action) : IWorkItem
{
    public void Execute() => action();
}
