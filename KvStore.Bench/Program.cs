using System.CommandLine;
using KvStore.Bench.Peers;
using KvStore.Bench.Processes;

namespace KvStore.Bench;

/// <summary>The benchmarks, one verb each; `./build.sh bench VERB` builds what they need first.</summary>
internal static class Program
{
    private static async Task<int> Main(string[] arguments)
    {
        var root = new RootCommand("Measures kvd, its parts, and what its users would pick instead.")
        {
            PeersCommand.Create(),
        };
        try
        {
            // Without its own handler of exceptions the library lets ours see them; Ctrl-C and SIGTERM
            // cancel the command, which then ends its servers and removes their data.
            var invocation = new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = TimeSpan.FromSeconds(30) };
            return await root.Parse(arguments).InvokeAsync(invocation);
        }
        catch (Exception error) when (error is ServerStartException or FileNotFoundException or OperationCanceledException)
        {
            await Console.Error.WriteLineAsync(error.Message);
            return 1;
        }
    }
}
