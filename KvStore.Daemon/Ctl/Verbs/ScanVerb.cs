using System.CommandLine;
using KvStore.Daemon.Ctl.Arguments;
using KvStore.Daemon.Ctl.Documents;
using KvStore.Protocol.Client;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;

namespace KvStore.Daemon.Ctl.Verbs;

/// <summary>`scan [PREFIX]`: records in key order, across partitions.</summary>
internal sealed class ScanVerb : Verb
{
    private readonly Argument<string?> _prefix = Words.OptionalOperand("PREFIX", "only keys that begin with this");
    private readonly Option<string?> _start = Words.Text("--start", "KEY", "the first key that may appear");
    private readonly Option<string?> _end = Words.Text("--end", "KEY", "the first key that may not appear any more");
    private readonly Option<long?> _limit = Words.Number("--limit", "N", "stop after N records; without it all are printed", 1, long.MaxValue);
    private readonly Option<bool> _keysOnly = Words.Flag("--keys-only", "leave the values out");
    private readonly ReadModeOptions _mode = new();
    private readonly Option<bool> _keyBase64 = Words.Flag("--key-base64", "PREFIX, --start and --end are in base64");

    private readonly Option<ReadOnlyMemory<byte>?> _cursor = Words.Word<ReadOnlyMemory<byte>?>(
        "--cursor", "C", "go on where a scan with --limit and the same other options stopped",
        "a cursor that kvctl printed",
        (string word, out ReadOnlyMemory<byte>? value) =>
        {
            var ok = ScanDocument.TryParseCursor(word, out var cursor);
            value = cursor;
            return ok;
        },
        otherwise: null);

    public ScanVerb() : base("scan", "print records in key order")
    {
        Arguments.Add(_prefix);
        foreach (Option option in (Option[])[_start, _end, _limit, _keysOnly, _mode.Quorum, _mode.Local, _cursor, _keyBase64])
            Options.Add(option);
        Exclusive(_mode.Quorum, _mode.Local);
    }

    public override async Task<int> RunAsync(ParseResult parse, CtlContext context)
    {
        var request = new ScanRequest
        {
            Consistency = _mode.Consistency(parse, context.Settings.StrongByDefault),
            KeysOnly = parse.GetValue(_keysOnly),
            Prefix = Bound(parse.GetValue(_prefix), parse),
            Start = Bound(parse.GetValue(_start), parse),
            End = Bound(parse.GetValue(_end), parse),
            Cursor = parse.GetValue(_cursor) ?? default,
        };
        try
        {
            await using var client = await context.ConnectAsync();
            await PrintAsync(client, request, parse.GetValue(_limit) ?? long.MaxValue, context);
            return ExitCode.Done;
        }
        catch (KvException e)
        {
            return context.Fail(CtlError.Of(e), requested: request.Consistency.Name());
        }
    }

    /// <summary>Page after page; the next one is on its way while one is printed.</summary>
    private static async Task PrintAsync(KvClient client, ScanRequest request, long left, CtlContext context)
    {
        var pending = PageAsync(client, request, left, context);
        while (true)
        {
            var page = await pending;
            left -= page.Records.Count;
            var ends = !page.More || left <= 0;
            request = request with { Cursor = page.Cursor };
            if (!ends) pending = PageAsync(client, request, left, context);
            Print(page, request, ends, context);
            context.Flush();
            if (!ends) continue;
            if (!context.Settings.Json && ScanDocument.CursorText(page) is { } cursor) context.Say($"more may follow: --cursor {cursor}");
            return;
        }
    }

    private static Task<ScanPage> PageAsync(KvClient client, ScanRequest request, long left, CtlContext context)
    {
        var wanted = (uint)Math.Min(left, Limits.ScanRecords);
        return client.ScanPageAsync(request with { LimitRecords = wanted }, cancellation: context.Interrupted).AsTask();
    }

    private static void Print(ScanPage page, ScanRequest request, bool ends, CtlContext context)
    {
        for (var i = 0; i < page.Records.Count; i++)
        {
            var record = page.Records[i];
            if (context.Settings.Json)
            {
                var isLast = ends && i == page.Records.Count - 1;
                context.Print(ScanDocument.Json(record, page, request.Consistency, !request.KeysOnly, isLast));
                continue;
            }

            context.Print(record.Key.Span);
            if (!request.KeysOnly)
            {
                context.Print("\t"u8);
                context.Print(record.Value.Span);
            }

            context.Print("\n"u8);
        }
    }

    private byte[] Bound(string? word, ParseResult parse) =>
        word is null ? [] : ValueSource.Text(word, parse.GetValue(_keyBase64), "--key-base64");
}
