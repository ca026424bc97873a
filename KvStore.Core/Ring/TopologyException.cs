namespace KvStore.Core.Ring;

/// <summary>A topology document is damaged, of an unknown format, or says something that no cluster can be.</summary>
public sealed class TopologyException(string message) : Exception(message);
