namespace KvStore.Bench.Processes;

/// <summary>A store under measurement could not be brought up; the message carries the end of its log.</summary>
internal sealed class ServerStartException(string message) : Exception(message);
