namespace KvStore.Core.Node;

/// <summary>The file of a data directory that whoever uses it holds locked: a node, or who looks at a stopped one.</summary>
public static class NodeLock
{
    public const string FileName = "lock";
}
