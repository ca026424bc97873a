using System.CommandLine;
using System.Globalization;
using KvStore.Daemon.Ctl.Arguments;
using KvStore.Daemon.Ctl.Documents;
using KvStore.Daemon.Ctl.Load;
using KvStore.Protocol.Client;
using KvStore.Protocol.Wire;

namespace KvStore.Daemon.Ctl.Verbs;

/// <summary>`bench`: a closed-loop load and what it measured.</summary>
internal sealed class BenchVerb : Verb
{
    private const int MostKeys = 10_000_000;
    private const int MostLoops = 10_000;
    private static readonly TimeSpan s_defaultDuration = TimeSpan.FromSeconds(10);

    private readonly Option<long?> _clients = Words.Number("--clients", "N", "clients at a time (default 16)", 1, MostLoops);
    private readonly Option<long?> _depth = Words.Number("--depth", "D", "requests each client keeps under way (default 1)", 1, 1000);
    private readonly Option<long?> _ops = Words.Number("--ops", "N", "stop after N operations", 1, long.MaxValue);
    private readonly Option<TimeSpan?> _duration = Words.Duration("--duration", "stop after this time (default 10s)");

    private readonly Option<OperationMix> _mix = Words.Word<OperationMix>(
        "--mix", "get=W,put=W", "which operations, by weight", "weights such as get=95,put=5", OperationMix.TryParse, new OperationMix(95, 5));

    private readonly Option<long?> _keys = Words.Number("--keys", "N", "how many different keys (default 100000)", 1, MostKeys);

    private readonly Option<int?> _valueSize = Words.Word<int?>(
        "--value-size", "B", "bytes of each value (default 256)", $"a size from 0 to {Limits.ValueBytes} such as 256 or 4KiB",
        (string word, out int? value) =>
        {
            var ok = SizeText.TryParse(word, out var size) && size <= Limits.ValueBytes;
            value = size;
            return ok;
        },
        otherwise: null);

    private readonly Option<double> _zipf = Words.Word<double>(
        "--zipf", "S", "take keys after Zipf's law with exponent S; 0 is all alike", "a number from 0 to 5",
        (string word, out double value) =>
            double.TryParse(word, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out value) && value <= 5,
        otherwise: 0);

    private readonly Option<bool> _noFill = Words.Flag("--no-fill", "do not store all keys before a mix with gets");
    private readonly WriteModeOptions _write = new();
    private readonly ReadModeOptions _read = new();

    public BenchVerb() : base("bench", "put a load on the cluster and measure it")
    {
        foreach (Option option in (Option[])[
            _clients, _depth, _ops, _duration, _mix, _keys, _valueSize, _write.Strong, _write.Fast, _read.Quorum, _read.Local, _zipf, _noFill])
            Options.Add(option);
        Exclusive(_ops, _duration);
        Exclusive(_write.Strong, _write.Fast);
        Exclusive(_read.Quorum, _read.Local);
    }

    public override async Task<int> RunAsync(ParseResult parse, CtlContext context)
    {
        var plan = Plan(parse, context);
        if (plan.Loops > MostLoops) throw new UsageException($"--clients times --depth is at most {MostLoops}");
        try
        {
            var options = context.ClientOptions with { InlineCompletions = true, SessionConsistency = false };
            await using var client = await KvClient.ConnectAsync(options, context.Interrupted);
            var run = new LoadRun(client, plan, context.Interrupted);
            using var progress = new LoadProgress(run, context.Streams);
            if (plan.Mix.Gets > 0 && !parse.GetValue(_noFill))
            {
                context.Say($"storing {HumanCount(plan.Keys)} keys of {plan.ValueSize} bytes first (--no-fill leaves this out)");
                await run.FillAsync();
            }

            var result = await run.MeasureAsync();
            progress.Dispose();
            if (context.Settings.Json) context.Print(BenchDocument.Json(result));
            else context.Print(BenchDocument.Text(result));
            if (context.Interrupted.IsCancellationRequested) return ExitCode.Interrupted;
            if (result.Errors.Count == 0) return ExitCode.Done;
            return result.Ops > 0 ? ExitCode.Partial : ExitCode.Unclassified;
        }
        catch (KvException e)
        {
            return context.Fail(CtlError.Of(e));
        }
    }

    private LoadPlan Plan(ParseResult parse, CtlContext context)
    {
        var ops = parse.GetValue(_ops);
        return new LoadPlan
        {
            Loops = (int)((parse.GetValue(_clients) ?? 16) * (parse.GetValue(_depth) ?? 1)),
            Ops = ops ?? long.MaxValue,
            Duration = ops is null ? parse.GetValue(_duration) ?? s_defaultDuration : TimeSpan.MaxValue,
            Mix = parse.GetValue(_mix),
            Keys = (int)(parse.GetValue(_keys) ?? 100_000),
            ValueSize = parse.GetValue(_valueSize) ?? 256,
            Zipf = parse.GetValue(_zipf),
            Write = new WriteOptions(_write.Mode(parse, context.Settings.StrongByDefault, conditional: false)),
            Read = new ReadOptions(_read.Consistency(parse, context.Settings.StrongByDefault)),
        };
    }

    private static string HumanCount(int number) => Output.HumanText.Count(number);
}
