using System.CommandLine;
using System.CommandLine.Parsing;
using KvStore.Bench.Cluster;
using KvStore.Bench.Engine;
using KvStore.Bench.Load;
using KvStore.Bench.Micro;
using KvStore.Bench.Peers;
using KvStore.Bench.Processes;

namespace KvStore.Bench;

/// <summary>The benchmarks, one verb each; `./build.sh bench VERB` builds what they need first.</summary>
internal static class Program
{
    private const int UsageExitCode = 2;

    private static async Task<int> Main(string[] arguments)
    {
        var root = new RootCommand("Measures kvd, its parts, and what its users would pick instead.")
        {
            MicroCommand.Create(),
            EngineCommand.Create(),
            PeersCommand.Create(),
            ClusterCommand.Create(),
        };
        try
        {
            // Without its own handler of exceptions the library lets ours see them; Ctrl-C and SIGTERM
            // cancel the command, which then ends its servers and removes their data.
            var invocation = new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = TimeSpan.FromSeconds(30) };
            ParseResult parsed = root.Parse(arguments);
            foreach (ParseError problem in parsed.Errors)
                await Console.Error.WriteLineAsync(problem.Message);
            return parsed.Errors.Count > 0 ? UsageExitCode : await parsed.InvokeAsync(invocation);
        }
        catch (Exception error) when (error is ServerStartException or LoadFailedException or FileNotFoundException or OperationCanceledException)
        {
            await Console.Error.WriteLineAsync(error.Message);
            return 1;
        }
    }
}
