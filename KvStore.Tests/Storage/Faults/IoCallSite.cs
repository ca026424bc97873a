using KvStore.Tests.Simulation;

namespace KvStore.Tests.Storage.Faults;

/// <summary>A place in the product that calls the disk.</summary>
/// <param name="Method">Type and method as the source has them.</param>
internal sealed record IoCallSite(string Method, string File, int Line, DiskCall Call)
{
    public override string ToString() => $"{Method} {Call} ({Path.GetFileName(File)}:{Line})";
}
