using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Protocol;

/// <summary>docs/protocol.md against the code: its examples byte by byte, its numbers one by one.</summary>
public sealed partial class ProtocolDocumentTests
{
    private static readonly string Text = File.ReadAllText(Find());

    public static IEnumerable<string> Names => DocumentedExamples.All.Keys;

    [TestCaseSource(nameof(Names))]
    public void The_example_is_what_the_code_writes(string name)
    {
        var block = Regex.Match(Text, $@"^```hex {Regex.Escape(name)}\n(.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline);
        var actual = DocumentedExamples.All[name];
        block.Success.ShouldBeTrue($"no example '{name}', it would be {Convert.ToHexString(actual)}");
        var documented = block.Groups[1].Value.Split('\n').Select(line => line.Split(';')[0]);
        var bytes = string.Join(' ', documented).Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(pair => byte.Parse(pair, NumberStyles.HexNumber)).ToArray();
        Convert.ToHexString(bytes).ShouldBe(Convert.ToHexString(actual));
    }

    [Test]
    public void No_example_is_unknown() =>
        ExampleStart().Matches(Text).Select(match => match.Groups[1].Value).ShouldBe(DocumentedExamples.All.Keys, ignoreOrder: true);

    [Test]
    public void Every_frame_type_is_listed()
    {
        foreach (var type in Enum.GetValues<FrameType>().Where(type => type < FrameType.FirstPeer))
            Text.ShouldContain($"| 0x{(byte)type:x2} | {type} |");
    }

    [Test]
    public void Every_error_code_is_listed()
    {
        foreach (var error in Enum.GetValues<KvError>().Where(error => error is not KvError.None && error < KvError.Unreachable))
            Text.ShouldContain($"| {(ushort)error} | `{error.Name()}` |");
    }

    [Test]
    public void The_limits_are_the_ones_of_the_code()
    {
        foreach (var limit in new[]
                 {
                     Limits.KeyBytes, Limits.ValueBytes, Limits.BatchOperations, Limits.GetKeys, Limits.ScanRecords, Limits.FrameBytes, Limits.HandshakeFrameBytes,
                     Limits.HandshakeTimeoutMs, Limits.PendingRequests, Limits.PendingReplyBytes, Limits.StalledConnectionMs, Limits.PingAfterMs, Limits.RequestIdBytes,
                 })
            Text.ShouldContain($"| {limit.ToString("N0", CultureInfo.InvariantCulture)} |");
    }

    private static string Find([CallerFilePath] string here = "")
    {
        var directory = new DirectoryInfo(Path.GetDirectoryName(here)!);
        while (!File.Exists(Path.Combine(directory.FullName, "kvstore.sln"))) directory = directory.Parent!;
        return Path.Combine(directory.FullName, "docs", "protocol.md");
    }

    [GeneratedRegex(@"^```hex ([\w-]+)$", RegexOptions.Multiline)]
    private static partial Regex ExampleStart();
}
