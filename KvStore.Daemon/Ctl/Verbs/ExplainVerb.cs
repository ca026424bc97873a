using System.CommandLine;
using KvStore.Daemon.Ctl.Arguments;
using KvStore.Daemon.Ctl.Documents;
using KvStore.Protocol.Client;

namespace KvStore.Daemon.Ctl.Verbs;

/// <summary>`explain KEY`: where a key lives, what its replicas know, and what requests for it would meet now.</summary>
internal sealed class ExplainVerb : Verb
{
    private readonly Argument<string> _key = Words.Operand("KEY", "the key; it need not exist");
    private readonly Option<bool> _keyBase64 = Words.Flag("--key-base64", "KEY is in base64");

    public ExplainVerb() : base("explain", "show where a key lives and what its replicas know of it")
    {
        Arguments.Add(_key);
        Options.Add(_keyBase64);
    }

    public override async Task<int> RunAsync(ParseResult parse, CtlContext context)
    {
        var key = ValueSource.Key(parse.GetRequiredValue(_key), parse.GetValue(_keyBase64));
        try
        {
            await using var client = await context.ConnectAsync();
            var reply = await client.ExplainAsync(key, cancellation: context.Interrupted);
            if (context.Settings.Json) context.Print(ExplainDocument.Json(key, reply));
            else context.Print(ExplainDocument.Text(key, reply));
            return ExitCode.Done;
        }
        catch (KvException e)
        {
            return context.Fail(CtlError.Of(e), key);
        }
    }
}
