namespace KvStore.Core.Ring;

/// <summary>The members given cannot hold three replicas of every partition.</summary>
public sealed class PlacementException(string message) : Exception(message);
