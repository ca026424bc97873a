using System.Runtime.ExceptionServices;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Processes;

/// <summary>Three real nodes on loopback, initialised, in a temporary directory that goes away with them.</summary>
internal sealed class KvdCluster : IDisposable
{
    /// <summary>For tests in which nobody dies: a machine that starves a node for a second is no matter of theirs, and an election would fail writes.</summary>
    public static readonly IReadOnlyDictionary<string, string> PatientNodes = new Dictionary<string, string> { ["KVD_REPLICATION__TIMEOUT"] = "10s" };

    /// <summary>What `kvctl cluster status` exits with when it works but something is missing.</summary>
    private const int Degraded = 10;

    private volatile bool _failing;
    private readonly string _directory = Directory.CreateTempSubdirectory("kvd-test-").FullName;

    public KvdCluster(int partitions = 64, params string[] options)
        : this(new Dictionary<string, string>(), partitions, options)
    {
    }

    /// <param name="environment">Configuration that has no flag: KVD_SECTION__NAME.</param>
    public KvdCluster(IReadOnlyDictionary<string, string> environment, int partitions = 64, params string[] options)
    {
        Options = options;
        AppDomain.CurrentDomain.FirstChanceException += OnThrown;
        Nodes = [.. new[] { "n1", "n2", "n3" }.Select(name => new KvdProcess(name, _directory, environment))];
        foreach (var node in Nodes) node.Start(options);
        Within(20, () => Kvctl.Run(Endpoints, "cluster", "init", "--nodes", Endpoints, "--partitions", $"{partitions}", "--timeout", "5s"), r => r.ExitCode == 0);
        WaitUntilWritable();
    }

    public string[] Options { get; }

    public IReadOnlyList<KvdProcess> Nodes { get; }

    public string Endpoints => string.Join(',', Nodes.Select(n => n.Endpoint));

    /// <summary>Repeats until the result satisfies the condition; the last result is in the failure.</summary>
    public static T Within<T>(int seconds, Func<T> attempt, Func<T, bool> condition)
    {
        var deadline = DateTime.UtcNow.AddSeconds(seconds);
        while (true)
        {
            var result = attempt();
            if (condition(result)) return result;
            if (DateTime.UtcNow >= deadline) throw new AssertionException($"not within {seconds} s; at last: {result}");
        }
    }

    /// <summary>Waits until every partition has a primary, though a node may be missing.</summary>
    public void WaitUntilLed(int seconds = 20) =>
        Within(seconds, () => Kvctl.Run(Endpoints, "cluster", "status", "--json"), IsLed);

    /// <summary>Waits until every partition has a primary and nothing is missing: the status says so.</summary>
    public void WaitUntilWritable(int seconds = 20) =>
        Within(seconds, () => Kvctl.Run(Endpoints, "cluster", "status", "--json"), IsWritable);

    public KvdProcess this[string name] => Nodes.Single(n => n.Name == name);

    public void Dispose()
    {
        AppDomain.CurrentDomain.FirstChanceException -= OnThrown;
        if (_failing)
            foreach (var node in Nodes) TestContext.Out.WriteLine($"--- {node.Name}\n{node.Log}");
        foreach (var node in Nodes) node.Dispose();
        Directory.Delete(_directory, true);
    }

    /// <summary>A test's verdict is known only after its `using` has ended the nodes; their logs are wanted when an assertion ends it.</summary>
    private void OnThrown(object? sender, FirstChanceExceptionEventArgs e) => _failing |= e.Exception is AssertionException or ShouldAssertException;

    private static bool IsWritable(CtlResult status) => status.ExitCode == 0 && IsLed(status);

    private static bool IsLed(CtlResult status) =>
        status.ExitCode is 0 or Degraded && status.Out.Length > 0 && status.Json.GetProperty("without_primary").GetInt32() == 0;
}
