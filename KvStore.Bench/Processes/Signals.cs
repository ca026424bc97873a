using System.Runtime.InteropServices;

namespace KvStore.Bench.Processes;

/// <summary>Sending a signal to one process of ours; .NET itself can only kill.</summary>
internal static partial class Signals
{
    private const int SigTerm = 15;

    /// <summary>Asks the process to end; it is no error if it has ended already.</summary>
    public static void Terminate(int processId) => _ = Kill(processId, SigTerm);

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int processId, int signal);
}
