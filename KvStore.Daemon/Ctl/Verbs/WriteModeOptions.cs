using System.CommandLine;
using KvStore.Daemon.Ctl.Arguments;
using KvStore.Protocol.Messages;

namespace KvStore.Daemon.Ctl.Verbs;

/// <summary>--strong, --fast and --if-version, which put and delete share.</summary>
internal sealed class WriteModeOptions
{
    private readonly Option<WriteCondition?> _ifVersion = Words.Word<WriteCondition?>(
        "--if-version", "REVISION", "only if the record has this revision or version; implies --strong",
        "a revision (term.index@ms.counter.nID) or a version (term.index)", TryParseCondition, otherwise: null);

    public Option<bool> Strong { get; } = Words.Flag("--strong", "acknowledged when a majority holds it durably; linearizable");

    public Option<bool> Fast { get; } = Words.Flag("--fast", "acknowledged when the primary holds it durably (the default)");

    public Option IfVersion => _ifVersion;

    public WriteCondition? Condition(ParseResult parse) => parse.GetValue(_ifVersion);

    /// <summary>The mode that was asked for; a condition is decided by a majority and so asks for strong.</summary>
    /// <exception cref="UsageException">--fast together with a condition.</exception>
    public WriteMode Mode(ParseResult parse, bool strongByDefault, bool conditional)
    {
        if (conditional && parse.GetValue(Fast)) throw new UsageException("a conditional write is strong: leave out --fast");
        if (conditional || parse.GetValue(Strong)) return WriteMode.Strong;
        return parse.GetValue(Fast) || !strongByDefault ? WriteMode.Fast : WriteMode.Strong;
    }

    private static bool TryParseCondition(string word, out WriteCondition? condition)
    {
        condition = null;
        if (WireRevision.TryParse(word, out var revision)) condition = WriteCondition.IfRevision(revision);
        else if (WireRevision.TryParseVersion(word, out var term, out var index)) condition = WriteCondition.IfVersion(term, index);
        return condition is not null;
    }
}
