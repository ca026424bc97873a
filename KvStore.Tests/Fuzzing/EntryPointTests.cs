using System.Buffers;
using System.Reflection;
using System.Text.RegularExpressions;
using KvStore.Core.Io;
using KvStore.Core.Storage.Wal;
using KvStore.Daemon.Config;
using KvStore.Protocol.Wire;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Fuzzing;

/// <summary>
/// No decoder is forgotten: whatever by its name and its parameters takes bytes, text or a file apart is named by a target, or here with the
/// reason why it needs none.
/// </summary>
public sealed partial class EntryPointTests
{
    /// <summary>"Type.Method" or "Type" for all of a type.</summary>
    private static readonly Dictionary<string, string> NotAttacked = new()
    {
        ["PeerProof.Matches"] = "compares two byte strings of any length and decodes nothing",
        ["KvNode.Open"] = "opens store and log, each a target",
        ["LogReplay.Replay"] = "gets batches whose checksum was verified; through the target wal",
        ["LogScan.Run"] = "through the targets wal and wal-inspection",
        ["RoundTrip"] = "passes bodies on to the decoders of messages",
        ["OsFileSystem.Open"] = "opens a path; the bytes are others' matter",
        ["OsFile.Read"] = "fills a buffer",
        ["Native.Open"] = "a system call",
        ["NodeChannel.ParseEndpoint"] = "gets addresses of a topology that was decoded, or words that kvctl has checked (target ctl-endpoints)",
        ["WireReader"] = "through every message",
        ["SubmissionQueue.TryRead"] = "reads back what this process has encoded and holds in memory, by EntryReader.Copy",
        ["DataDirectoryInspection"] = "asks identity, cluster file, store and log, each a target",
        ["PartitionSnapshot"] = "no bytes from outside",
        ["DescriptorStream.Read"] = "a stream that is only written to",
        ["Invariant.Check"] = "checks a condition",
        ["ValueSource.ReadValueAsync"] = "reads a file to its end; what is in it goes through ValueSource.Text",
        ["StorageKey"] = "gets keys whose length was checked: by ManifestState.Check and TableCursor",
        ["PartitionStore.OpenScan"] = "the spans are the bounds of a range",
        ["ReadContext"] = "the spans are the bounds of a range",
        ["ReadView.Scan"] = "the spans are the bounds of a range",
    };

    private static readonly HashSet<Type> Sources =
    [
        typeof(ReadOnlySpan<byte>), typeof(ReadOnlySpan<char>), typeof(ReadOnlyMemory<byte>), typeof(ReadOnlySequence<byte>), typeof(byte[]), typeof(string), typeof(string[]),
        typeof(WireReader), typeof(Frame), typeof(IFile), typeof(IFileSystem), typeof(ConfigSources),
    ];

    [Test]
    public void Every_decoder_is_attacked()
    {
        var covered = DecoderTargets.All.SelectMany(target => target.Covers).ToHashSet();
        var forgotten = Decoders().Where(method => !NamesOf(method).Any(name => covered.Contains(name) || NotAttacked.ContainsKey(name)));
        forgotten.Select(method => NamesOf(method)[0]).Distinct().Order(StringComparer.Ordinal).ShouldBeEmpty();
    }

    /// <summary>What a target claims to cover is there: else the claim outlives a renaming.</summary>
    [Test]
    public void Every_name_is_that_of_a_type_or_a_method()
    {
        var types = Types().ToLookup(type => type.Name);
        var names = DecoderTargets.All.SelectMany(target => target.Covers.Select(name => (target.Name, Covered: name))).Concat(NotAttacked.Keys.Select(name => (Name: "exception", Covered: name)));
        names.Where(n => !Exists(types, n.Covered)).ShouldBeEmpty();
    }

    [TestCase("Decode", true)]
    [TestCase("TryParseVersion", true)]
    [TestCase("ReadyFor", false)]
    [TestCase("Encode", false)]
    public void A_decoder_is_known_by_its_name(string name, bool isDecoder) => DecoderName().IsMatch(name).ShouldBe(isDecoder);

    private static IEnumerable<Type> Types() =>
        ((Type[])[typeof(Frame), typeof(WriteAheadLog), typeof(KvdConfig)]).SelectMany(type => type.Assembly.GetTypes()).Where(type => type.Namespace?.StartsWith("KvStore", StringComparison.Ordinal) == true);

    private static IEnumerable<MethodInfo> Decoders() =>
        from type in Types()
        from method in type.GetMethods(BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly)
        where !method.IsPrivate && !method.IsAbstract && !type.IsInterface && !typeof(Delegate).IsAssignableFrom(type)
        where DecoderName().IsMatch(method.Name) && method.GetParameters().Any(parameter => Sources.Contains(Plain(parameter.ParameterType)))
        select method;

    /// <summary>"Namespace's last part.Type.Method", "Type.Method", "Type".</summary>
    private static string[] NamesOf(MethodInfo method)
    {
        var type = method.DeclaringType!;
        return [$"{type.Name}.{method.Name}", type.Name, $"{type.Namespace![(type.Namespace!.LastIndexOf('.') + 1)..]}.{type.Name}.{method.Name}"];
    }

    private static bool Exists(ILookup<string, Type> types, string name)
    {
        var parts = name.Split('.');
        if (parts.Length == 1) return types.Contains(name);
        return types[parts[^2]].Any(type => type.GetMember(parts[^1], (BindingFlags)(-1) & ~BindingFlags.IgnoreCase).Length > 0);
    }

    private static Type Plain(Type type) => type.IsByRef ? type.GetElementType()! : type;

    [GeneratedRegex("^(Try)?(Decode|Decompress|Read|Parse|Open|Load|Take|Recover|Inspect|Verify|Peek|Check|Ingest|Restore|MayContain|AddressIn|EntryAt|Receive)(?![a-z])")]
    private static partial Regex DecoderName();
}
