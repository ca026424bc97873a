using System.Diagnostics;
using System.Reflection;
using System.Reflection.Emit;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using KvStore.Core.Io;
using KvStore.Tests.Simulation;

namespace KvStore.Tests.Storage.Faults;

/// <summary>Finds the places in KvStore.Core that call <see cref="IFileSystem"/> or <see cref="IFile"/>: all of them in its code, and the one that is calling now.</summary>
internal static class IoCallSites
{
    private const BindingFlags Everything = BindingFlags.DeclaredOnly | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance;
    private static readonly Assembly Core = typeof(IFileSystem).Assembly;
    private static readonly Dictionary<short, OpCode> OpCodesByValue =
        typeof(OpCodes).GetFields(BindingFlags.Public | BindingFlags.Static).Select(field => (OpCode)field.GetValue(null)!).ToDictionary(code => code.Value);

    private static readonly Lazy<IReadOnlyList<IoCallSite>> Known = new(() => Find("KvStore.Core.Storage", "KvStore.Core.Node"));

    /// <summary>Every call in the code of storage and node. Closing a file and asking for its length cannot fail.</summary>
    public static IReadOnlyList<IoCallSite> InCode => Known.Value;

    /// <summary>The call that is being made on this thread; null if it does not come from the product.</summary>
    public static IoCallSite? Current(DiskCall call)
    {
        foreach (var frame in new StackTrace(true).GetFrames())
        {
            if (frame.GetMethod() is not { } method || method.DeclaringType?.Assembly != Core) continue;
            return SiteIn(NameOf(method), frame.GetFileLineNumber(), call);
        }

        return null;
    }

    private static List<IoCallSite> Find(params string[] namespaces)
    {
        using var stream = File.OpenRead(Path.ChangeExtension(Core.Location, ".pdb"));
        using var provider = MetadataReaderProvider.FromPortablePdbStream(stream);
        var symbols = provider.GetMetadataReader();
        var sites = new List<IoCallSite>();
        foreach (var type in Core.GetTypes().Where(type => namespaces.Any(prefix => type.Namespace?.StartsWith(prefix, StringComparison.Ordinal) == true)))
            foreach (var method in type.GetMembers(Everything).OfType<MethodBase>()) AddSites(method, symbols, sites);
        return sites;
    }

    /// <summary>Where a statement begins with something on the stack already, the line that a frame tells is that of a statement before.</summary>
    private static IoCallSite SiteIn(string method, int line, DiskCall call) =>
        InCode.Where(site => site.Method == method && site.Call == call && site.Line >= line).MinBy(site => site.Line)
        ?? throw new InvalidOperationException($"{call} at or after line {line} of {method} is not in its code");

    private static void AddSites(MethodBase method, MetadataReader symbols, List<IoCallSite> sites)
    {
        if (method.GetMethodBody()?.GetILAsByteArray() is not { } code) return;
        for (var at = 0; at < code.Length;)
        {
            var start = at;
            var value = code[at] == 0xFE ? (short)(0xFE00 | code[at + 1]) : code[at];
            var instruction = OpCodesByValue[value];
            at += instruction.Size;
            if (instruction.OperandType == OperandType.InlineMethod && CalledAt(method, BitConverter.ToInt32(code, at)) is { } call)
            {
                var (file, line) = LineOf(method, start, symbols);
                sites.Add(new IoCallSite(NameOf(method), file, line, call));
            }

            at += OperandBytes(instruction.OperandType, code, at);
        }
    }

    private static DiskCall? CalledAt(MethodBase method, int token)
    {
        var types = method.DeclaringType!.IsGenericType ? method.DeclaringType.GetGenericArguments() : null;
        var called = method.Module.ResolveMethod(token, types, method.IsGenericMethod ? method.GetGenericArguments() : null)!;
        if (called.DeclaringType != typeof(IFileSystem) && called.DeclaringType != typeof(IFile)) return null;
        if (called.Name == nameof(IFile.WriteVectored)) return DiskCall.Write;
        return Enum.TryParse<DiskCall>(called.Name, out var call) ? call : called.IsSpecialName ? null : throw new InvalidOperationException($"{called.Name} is no call that the simulated disk counts");
    }

    private static (string File, int Line) LineOf(MethodBase method, int offset, MetadataReader symbols)
    {
        var handle = ((MethodDefinitionHandle)MetadataTokens.Handle(method.MetadataToken)).ToDebugInformationHandle();
        var point = symbols.GetMethodDebugInformation(handle).GetSequencePoints().Last(point => point.Offset <= offset && !point.IsHidden);
        return (symbols.GetString(symbols.GetDocument(point.Document).Name), point.StartLine);
    }

    /// <summary>Local functions and lambdas count as the method they stand in.</summary>
    private static string NameOf(MethodBase method)
    {
        var type = method.DeclaringType!;
        while (type.Name.Contains('<') && type.DeclaringType is { } outer) type = outer;
        var name = method.Name;
        if (name.StartsWith('<')) name = name[1..name.IndexOf('>')];
        return $"{type.Name}.{name.TrimStart('.')}";
    }

    private static int OperandBytes(OperandType type, byte[] code, int at) => type switch
    {
        OperandType.InlineNone => 0,
        OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
        OperandType.InlineVar => 2,
        OperandType.InlineI8 or OperandType.InlineR => 8,
        OperandType.InlineSwitch => 4 + (4 * BitConverter.ToInt32(code, at)),
        _ => 4,
    };
}
