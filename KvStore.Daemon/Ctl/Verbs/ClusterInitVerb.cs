using System.CommandLine;
using System.Diagnostics;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using KvStore.Daemon.Ctl.Arguments;
using KvStore.Daemon.Ctl.Documents;
using KvStore.Protocol.Client;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;

namespace KvStore.Daemon.Ctl.Verbs;

/// <summary>`cluster init`: forms a cluster of empty nodes. kvctl draws the cluster id; repeating with the same id and nodes resumes.</summary>
internal sealed class ClusterInitVerb : Verb
{
    private static readonly TimeSpan s_askAgain = TimeSpan.FromMilliseconds(200);

    private readonly Option<string?> _nodes = Words.Text("--nodes", "A,B,C", "host:port of each member, three or more; they are numbered in this order");

    private readonly Option<long?> _partitions = Words.Word<long?>(
        "--partitions", "P", $"parts of the key space, for ever: a power of two (default {Limits.DefaultPartitions})",
        $"a power of two from {Limits.MinPartitions} to {Limits.MaxPartitions}", TryParsePartitions, otherwise: null);

    private readonly Option<UInt128?> _clusterId = Words.Word<UInt128?>(
        "--cluster-id", "ID", "resume a formation that was begun with this id", "32 hexadecimal digits",
        (string word, out UInt128? value) =>
        {
            var ok = ClusterIdText.TryParse(word, out var id);
            value = id;
            return ok;
        },
        otherwise: null);

    private readonly Option<bool> _abort = Words.Flag("--abort", "give up a formation of the same nodes that was begun and not finished");

    public ClusterInitVerb() : base("init", "form a cluster of empty nodes")
    {
        _nodes.Required = true;
        foreach (Option option in (Option[])[_nodes, _partitions, _clusterId, _abort]) Options.Add(option);
    }

    public override async Task<int> RunAsync(ParseResult parse, CtlContext context)
    {
        var nodes = EndpointText.Parse(parse.GetRequiredValue(_nodes)!, out var error) ?? throw new UsageException($"--nodes: {error}");
        if (nodes.Length is < Limits.MinNodes or > Limits.MaxNodes)
            throw new UsageException($"--nodes: a cluster has {Limits.MinNodes} to {Limits.MaxNodes} nodes, not {nodes.Length}");
        var request = new InitRequest
        {
            ClusterId = parse.GetValue(_clusterId) ?? DrawId(),
            Partitions = (uint)(parse.GetValue(_partitions) ?? Limits.DefaultPartitions),
            Members = nodes,
            Abort = parse.GetValue(_abort),
        };
        try
        {
            var reply = await FormAsync(request, context);
            if (context.Settings.Json) context.Print(InitDocument.Json(reply));
            else context.Print(InitDocument.Text(reply));
            return ExitCode.Done;
        }
        catch (KvException e)
        {
            return context.Fail(Judge(CtlError.Of(e), request));
        }
    }

    private static async Task<InitReply> FormAsync(InitRequest request, CtlContext context)
    {
        var options = context.ClientOptions with { Endpoints = [request.Members[0]], CoordinatorOnly = true };
        await using var client = await KvClient.ConnectAsync(options, context.Interrupted);
        var start = Stopwatch.GetTimestamp();
        while (true)
        {
            var reply = await client.InitAsync(request, cancellation: context.Interrupted);
            if (reply.State == InitState.Committed || request.Abort) return reply;
            if (reply.State == InitState.Aborted) throw new KvException(KvError.InvalidRequest, "the formation was given up", Outcome.NotApplied);
            if (Stopwatch.GetElapsedTime(start) >= context.Settings.Timeout)
                throw new KvException(KvError.DeadlineExceeded, "not all nodes have agreed yet", Outcome.Unknown);
            await Task.Delay(s_askAgain, context.Interrupted);
        }
    }

    // An answer that never came says nothing of what the nodes did; everything else is a refusal.
    private static CtlError Judge(CtlError error, InitRequest request)
    {
        var unknown = error.Outcome == Outcome.Unknown || error.Code is KvError.ConnectionLost or KvError.DeadlineExceeded or KvError.Cancelled or KvError.Internal;
        if (!unknown)
        {
            var advice = error.Code == KvError.Unavailable && !request.Abort
                ? "nodes that were asked before stay bound: repeat the same command when all can be reached, or give it up with --abort"
                : error.Advice;
            return error with { Outcome = Outcome.NotApplied, Advice = advice };
        }

        // The node knows how far it came, and says how to go on.
        if (error.Outcome == Outcome.Unknown && error.Code == KvError.Unavailable) return error with { Advice = "" };
        return error with
        {
            Outcome = Outcome.Unknown,
            Advice = $"repeat the same command with --cluster-id {ClusterIdText.Write(request.ClusterId)}: it goes on where this one stopped",
        };
    }

    private static bool TryParsePartitions(string word, out long? value)
    {
        var ok = ushort.TryParse(word, out var number) && BitOperations.IsPow2(number) && number is >= Limits.MinPartitions and <= Limits.MaxPartitions;
        value = number;
        return ok;
    }

    private static UInt128 DrawId()
    {
        Span<UInt128> id = stackalloc UInt128[1];
        do RandomNumberGenerator.Fill(MemoryMarshal.AsBytes(id));
        while (id[0] == 0);
        return id[0];
    }
}
