namespace KvStore.Tests.Simulation.Checkers;

internal enum RegisterAction
{
    Put,
    Delete,
    Get,
    PutIfAbsent,
    PutIfVersion,
    DeleteIfVersion,
}
