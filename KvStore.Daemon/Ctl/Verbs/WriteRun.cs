using System.Diagnostics;
using KvStore.Daemon.Ctl.Documents;
using KvStore.Daemon.Ctl.Output;
using KvStore.Protocol.Client;
using KvStore.Protocol.Messages;

namespace KvStore.Daemon.Ctl.Verbs;

/// <summary>Sends one write for each key and prints how each ended: what put and delete have in common.</summary>
internal sealed class WriteRun(CtlContext context, WriteKind kind, WriteOptions options)
{
    /// <summary>How many deletes are under way at once.</summary>
    private const int AtOnce = 128;

    private bool _unheard;

    /// <param name="value">What to put; empty for deletes.</param>
    public async Task<int> RunAsync(byte[][] keys, ReadOnlyMemory<byte> value)
    {
        KvClient client;
        try
        {
            client = await context.ConnectAsync();
        }
        catch (KvException e)
        {
            // Nothing was sent, so the write is as certain not to happen as can be.
            return FailAll(keys, CtlError.Of(e) with { Outcome = Outcome.NotApplied });
        }

        await using (client)
        {
            using var names = new NamesRequest(client);
            int? code = null;
            foreach (var some in keys.Chunk(AtOnce))
            {
                var writes = Array.ConvertAll(some, key => WriteAsync(client, key, value));
                for (var i = 0; i < writes.Length; i++)
                    code = ExitCode.Combine(code, Print(some[i], await writes[i], await names.GetAsync(), keys.Length > 1));
            }

            return context.Interrupted.IsCancellationRequested ? ExitCode.Interrupted : code ?? ExitCode.Done;
        }
    }

    private async Task<(WriteResult Result, CtlError? Error, long ElapsedUs)> WriteAsync(KvClient client, byte[] key, ReadOnlyMemory<byte> value)
    {
        var start = Stopwatch.GetTimestamp();
        try
        {
            var result = kind == WriteKind.Put
                ? await client.PutAsync(key, value, options, context.Interrupted)
                : await client.DeleteAsync(key, options, context.Interrupted);
            return (result, null, ElapsedUs(start));
        }
        catch (KvException e)
        {
            return (default, CtlError.Of(e), 0);
        }
    }

    private int Print(byte[] key, (WriteResult Result, CtlError? Error, long ElapsedUs) write, NodeNames names, bool namesKey)
    {
        try
        {
            if (write.Error is { } error) return _unheard ? error.ExitCode : context.Fail(error, key, options.Mode.Name(), names);
            if (_unheard) return ExitCode.Done;
            if (context.Settings.Json) context.Print(WriteDocument.Json(key, kind, write.Result, names, write.ElapsedUs));
            else context.Print(WriteDocument.Text(key, kind, write.Result, names, namesKey));
            return ExitCode.Done;
        }
        catch (OutputClosedException)
        {
            // The words have no reader, but the writes were asked for: stopping here would leave some of them undone and say success.
            _unheard = true;
            return write.Error?.ExitCode ?? ExitCode.Done;
        }
    }

    private int FailAll(byte[][] keys, CtlError error)
    {
        foreach (var key in keys) context.Fail(error, key, options.Mode.Name());
        return error.ExitCode;
    }

    private static long ElapsedUs(long start) => (long)Stopwatch.GetElapsedTime(start).TotalMicroseconds;
}
