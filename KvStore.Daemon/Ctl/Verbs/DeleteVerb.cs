using System.CommandLine;
using KvStore.Daemon.Ctl.Arguments;
using KvStore.Protocol.Client;
using KvStore.Protocol.Messages;

namespace KvStore.Daemon.Ctl.Verbs;

/// <summary>`delete KEY...`: deletes keys. That one is absent is no error.</summary>
internal sealed class DeleteVerb : Verb
{
    private readonly Argument<string[]> _keys = Words.Operands("KEY", "the keys");
    private readonly WriteModeOptions _mode = new();
    private readonly Option<bool> _keyBase64 = Words.Flag("--key-base64", "every KEY is in base64");

    public DeleteVerb() : base("delete", "delete keys; deleting an absent key succeeds")
    {
        Arguments.Add(_keys);
        foreach (Option option in (Option[])[_mode.Strong, _mode.Fast, _mode.IfVersion, _keyBase64]) Options.Add(option);
        Exclusive(_mode.Strong, _mode.Fast);
    }

    public override Task<int> RunAsync(ParseResult parse, CtlContext context)
    {
        var keys = Array.ConvertAll(parse.GetRequiredValue(_keys), key => ValueSource.Key(key, parse.GetValue(_keyBase64)));
        var condition = _mode.Condition(parse);
        if (condition is not null && keys.Length > 1) throw new UsageException("--if-version is about one key");
        var options = new WriteOptions(
            _mode.Mode(parse, context.Settings.StrongByDefault, condition is not null), Condition: condition ?? WriteCondition.None);
        return new WriteRun(context, WriteKind.Delete, options).RunAsync(keys, default);
    }
}
