using System.CommandLine;
using System.Diagnostics;
using KvStore.Daemon.Ctl.Arguments;
using KvStore.Daemon.Ctl.Documents;
using KvStore.Daemon.Ctl.Output;
using KvStore.Protocol.Client;
using KvStore.Protocol.Messages;

namespace KvStore.Daemon.Ctl.Verbs;

/// <summary>`get KEY...`: reads values.</summary>
internal sealed class GetVerb : Verb
{
    private readonly Argument<string[]> _keys = Words.Operands("KEY", "the keys");
    private readonly ReadModeOptions _mode = new();
    private readonly Option<bool> _raw = Words.Flag("--raw", "print the bytes of the values alone, without a line feed behind each");
    private readonly Option<bool> _keyBase64 = Words.Flag("--key-base64", "every KEY is in base64");

    private readonly Option<WireRevision?> _atLeast = Words.Word<WireRevision?>(
        "--at-least", "REVISION", "reflect the write that was given this revision, whichever replica answers",
        "a revision (term.index@ms.counter.nID)",
        (string word, out WireRevision? value) =>
        {
            var ok = WireRevision.TryParse(word, out var revision);
            value = revision;
            return ok;
        },
        otherwise: null);

    public GetVerb() : base("get", "read values")
    {
        Arguments.Add(_keys);
        foreach (Option option in (Option[])[_mode.Quorum, _mode.Local, _atLeast, _raw, _keyBase64]) Options.Add(option);
        Exclusive(_mode.Quorum, _mode.Local);
    }

    public override async Task<int> RunAsync(ParseResult parse, CtlContext context)
    {
        var keys = Array.ConvertAll(parse.GetRequiredValue(_keys), key => ValueSource.Key(key, parse.GetValue(_keyBase64)));
        var atLeast = parse.GetValue(_atLeast);
        if (atLeast is not null && keys.Length > 1) throw new UsageException("--at-least is about one key: a revision belongs to one partition");
        var options = new ReadOptions(_mode.Consistency(parse, context.Settings.StrongByDefault), atLeast ?? WireRevision.None);
        try
        {
            await using var client = await context.ConnectAsync();
            using var names = new NamesRequest(client);
            var start = Stopwatch.GetTimestamp();
            ReadResult[] results;
            try
            {
                results = await ReadAsync(client, keys, options, context.Interrupted);
            }
            catch (KvException e)
            {
                return FailAll(context, keys, e, options, await names.GetAsync());
            }

            var elapsedUs = (long)Stopwatch.GetElapsedTime(start).TotalMicroseconds;
            var print = new Printer(context, options.Consistency, await names.GetAsync(), elapsedUs, parse.GetValue(_raw));
            int? code = null;
            for (var i = 0; i < keys.Length; i++) code = ExitCode.Combine(code, print.Print(keys[i], results[i]));
            return context.Interrupted.IsCancellationRequested ? ExitCode.Interrupted : code!.Value;
        }
        catch (KvException e)
        {
            return FailAll(context, keys, e, options, NodeNames.Numbers);
        }
    }

    private static int FailAll(CtlContext context, byte[][] keys, KvException e, ReadOptions options, NodeNames names)
    {
        var error = CtlError.Of(e);
        foreach (var key in keys) context.Fail(error, key, options.Consistency.Name(), names);
        return error.ExitCode;
    }

    // One key alone keeps all that its error says; an error of many is a code and a message for each.
    private static async Task<ReadResult[]> ReadAsync(KvClient client, byte[][] keys, ReadOptions options, CancellationToken cancellation) =>
        keys is [var only]
            ? [await client.GetAsync(only, options, cancellation)]
            : await client.GetManyAsync(Array.ConvertAll(keys, key => (ReadOnlyMemory<byte>)key), options, cancellation);

    private sealed class Printer(CtlContext context, ReadConsistency requested, NodeNames names, long elapsedUs, bool raw)
    {
        public int Print(byte[] key, in ReadResult result)
        {
            if (result.Error != KvError.None) return context.Fail(CtlError.Of(result), key, requested.Name(), names);
            if (context.Settings.Json)
            {
                context.Print(ReadDocument.Json(key, result, requested, names, elapsedUs));
            }
            else if (result.Found)
            {
                context.Print(result.Value.Span);
                if (!raw) context.Print("\n"u8);
            }
            else
            {
                context.Say($"kvctl: {KeyText.Display(key)}: not found");
            }

            return result.Found ? ExitCode.Done : ExitCode.NotFound;
        }
    }
}
