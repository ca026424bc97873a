using System.CommandLine;
using KvStore.Daemon.Ctl.Arguments;
using KvStore.Protocol.Client;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;

namespace KvStore.Daemon.Ctl.Verbs;

/// <summary>`put KEY VALUE`: stores a value.</summary>
internal sealed class PutVerb : Verb
{
    private readonly Argument<string> _key = Words.Operand("KEY", "the key, 1 to 4096 bytes");
    private readonly Argument<string> _value = Words.Operand("VALUE", "the value; - is standard input, @FILE a file");
    private readonly WriteModeOptions _mode = new();
    private readonly Option<TimeSpan?> _ttl = Words.Duration("--ttl", "the record expires after this time");
    private readonly Option<bool> _ifAbsent = Words.Flag("--if-absent", "only if there is no record; implies --strong");
    private readonly Option<bool> _keyBase64 = Words.Flag("--key-base64", "KEY is in base64");
    private readonly Option<bool> _valueBase64 = Words.Flag("--value-base64", "VALUE, or what is read, is in base64");

    public PutVerb() : base("put", "store a value")
    {
        Arguments.Add(_key);
        Arguments.Add(_value);
        foreach (Option option in (Option[])[_mode.Strong, _mode.Fast, _ttl, _ifAbsent, _mode.IfVersion, _keyBase64, _valueBase64])
            Options.Add(option);
        Exclusive(_mode.Strong, _mode.Fast);
        Exclusive(_ifAbsent, _mode.IfVersion);
    }

    public override async Task<int> RunAsync(ParseResult parse, CtlContext context)
    {
        var condition = parse.GetValue(_ifAbsent) ? WriteCondition.IfAbsent : _mode.Condition(parse);
        var options = new WriteOptions(
            _mode.Mode(parse, context.Settings.StrongByDefault, condition is not null),
            TtlMs: (ulong)(parse.GetValue(_ttl)?.TotalMilliseconds ?? 0),
            Condition: condition ?? WriteCondition.None);
        var key = ValueSource.Key(parse.GetRequiredValue(_key), parse.GetValue(_keyBase64));
        var value = await ValueSource.ReadValueAsync(
            parse.GetRequiredValue(_value), parse.GetValue(_valueBase64), Limits.ValueBytes, context.Streams.OpenInput, context.Interrupted);
        return await new WriteRun(context, WriteKind.Put, options).RunAsync([key], value);
    }
}
