using System.Reflection;
using System.Runtime.Loader;

namespace KvStore.Tests.Storage.Faults;

/// <summary>
/// Loads the product and its tests once more, as if nothing of them had run yet: code that ran often is compiled again with its small methods
/// inlined, and then a stack does not name them any more. (In a context that can be unloaded it is so from the start.)
/// </summary>
internal sealed class FreshContext() : AssemblyLoadContext("fresh")
{
    /// <summary>The sites that a work's calls came from, in their order.</summary>
    public static IReadOnlyList<string> Record<T>()
        where T : FaultWork, new()
    {
        var context = new FreshContext();
        var tests = context.LoadFromAssemblyPath(typeof(FreshContext).Assembly.Location);
        var record = tests.GetType(typeof(FreshContext).FullName!)!.GetMethod(nameof(RecordHere), BindingFlags.NonPublic | BindingFlags.Static)!;
        return (IReadOnlyList<string>)record.Invoke(null, [typeof(T).FullName])!;
    }

    protected override Assembly? Load(AssemblyName assemblyName) =>
        assemblyName.Name!.StartsWith("KvStore.", StringComparison.Ordinal)
            ? LoadFromAssemblyPath(Path.Combine(AppContext.BaseDirectory, $"{assemblyName.Name}.dll"))
            : null;

    private static IReadOnlyList<string> RecordHere(string work)
    {
        using var fresh = (FaultWork)Activator.CreateInstance(Type.GetType(work)!)!;
        return fresh.Record();
    }
}
