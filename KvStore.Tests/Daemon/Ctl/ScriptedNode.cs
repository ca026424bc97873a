using System.Buffers;
using System.Collections.Concurrent;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;
using KvStore.Tests.Daemon.Ctl.Documents;
using ReadResult = KvStore.Protocol.Messages.ReadResult;

namespace KvStore.Tests.Daemon.Ctl;

/// <summary>
/// A node that speaks the protocol over a real socket and answers as told. Untold, it is a store of its own in memory, member n1
/// of a cluster of three whose topology it knows.
/// </summary>
internal sealed class ScriptedNode : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentBag<Task> _connections = [];
    private readonly Dictionary<FrameType, Func<byte[], ScriptedReply>> _script = [];
    private readonly SortedDictionary<string, byte[]> _records = new(StringComparer.Ordinal);
    private readonly Task _accept;
    private ulong _index;

    public ScriptedNode()
    {
        _listener.Start();
        _accept = AcceptAsync();
    }

    public string Address => _listener.LocalEndpoint.ToString()!;

    /// <summary>The bodies of the requests received, by type.</summary>
    public ConcurrentQueue<(FrameType Type, byte[] Body)> Received { get; } = [];

    /// <summary>Answers requests of a type by the given function.</summary>
    public ScriptedNode On(FrameType type, Func<byte[], ScriptedReply> reply)
    {
        _script[type] = reply;
        return this;
    }

    /// <summary>Answers requests of a type by an error.</summary>
    public ScriptedNode Refuse(FrameType type, ErrorReply error) => On(type, _ => ScriptedReply.Of(FrameType.Error, error.Encode));

    /// <summary>The only request of the type that came.</summary>
    public byte[] Only(FrameType type) => Received.Single(r => r.Type == type).Body;

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        // Only then: a listener that is stopped refuses the next accept by another exception.
        await _accept;
        _listener.Stop();
        await Task.WhenAll(_connections);
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true) _connections.Add(ServeAsync(await _listener.AcceptTcpClientAsync(_stop.Token)));
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException)
        {
            // Stopped.
        }
    }

    private async Task ServeAsync(TcpClient connection)
    {
        using var _ = connection;
        var stream = connection.GetStream();
        var reader = PipeReader.Create(stream);
        try
        {
            while (true)
            {
                var read = await reader.ReadAsync(_stop.Token);
                var buffer = read.Buffer;
                var replies = new ArrayBufferWriter<byte>();
                while (FrameReader.TryRead(ref buffer, Limits.FrameBytes, out var frame))
                {
                    if (!Answer(frame, replies)) return;
                }

                reader.AdvanceTo(buffer.Start, buffer.End);
                await stream.WriteAsync(replies.WrittenMemory, _stop.Token);
                if (read.IsCompleted) return;
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            // The client has gone, or the test is over.
        }
    }

    /// <returns>False to close the connection.</returns>
    private bool Answer(in Frame frame, ArrayBufferWriter<byte> replies)
    {
        using var opened = FrameBody.Open(frame);
        var body = opened.Span.ToArray();
        if (frame.Type is not (FrameType.Hello or FrameType.Ping)) Received.Enqueue((frame.Type, body));
        var reply = _script.TryGetValue(frame.Type, out var script) ? script(body) : Default(frame.Type, body);
        if (reply.Closes) return false;
        if (!reply.IsSilent) FrameWriter.Write(replies, reply.Type, frame.RequestId, reply.Body);
        return true;
    }

    private ScriptedReply Default(FrameType type, byte[] body) => type switch
    {
        FrameType.Hello => ScriptedReply.Of(FrameType.HelloAck, new HelloAck { Node = 1, ClusterId = Samples.ClusterId, TopologyVersion = 12 }.Encode),
        FrameType.Ping => ScriptedReply.Of(FrameType.Pong, _ => { }),
        FrameType.Topology => ScriptedReply.Of(FrameType.TopologyReply, Samples.Topology().Encode),
        FrameType.Write => Write(body),
        FrameType.Get => Get(body),
        FrameType.Scan => Scan(ScanRequest.Decode(body)),
        FrameType.Explain => ScriptedReply.Of(FrameType.ExplainReply, Samples.Explain.Encode),
        _ => ScriptedReply.Close,
    };

    private ScriptedReply Write(byte[] body)
    {
        var request = WriteRequestView.Decode(body);
        var operation = request.First;
        var key = Text(operation.Key);
        lock (_records)
        {
            var existed = _records.ContainsKey(key);
            if (operation.Kind == WriteKind.Put) _records[key] = operation.Value.ToArray();
            else _records.Remove(key);
            var result = new WriteResult
            {
                Outcome = Outcome.Applied,
                Requested = request.Mode,
                Achieved = request.Mode,
                Revision = Samples.Revision with { Index = ++_index },
                Partition = 3,
                Primary = 1,
                AckedBy = default(NodeList).With(1).With(2),
                Existed = existed,
            };
            return ScriptedReply.Of(FrameType.WriteReply, output => WriteReply.Encode(output, result));
        }
    }

    private ScriptedReply Get(byte[] body)
    {
        var request = GetRequestView.Decode(body);
        var results = new List<ReadResult>();
        lock (_records)
        {
            foreach (var key in request)
            {
                var found = _records.TryGetValue(Text(key.Key), out var value);
                results.Add(new ReadResult
                {
                    Found = found,
                    Value = value,
                    Revision = found ? Samples.Revision : default,
                    Achieved = request.Consistency,
                    ServedBy = 1,
                    StalenessMs = 5,
                });
            }
        }

        return ScriptedReply.Of(FrameType.GetReply, output => GetReply.Encode(output, results.ToArray()));
    }

    private ScriptedReply Scan(ScanRequest request)
    {
        lock (_records)
        {
            var after = Text(request.Cursor.Span);
            var matching = _records.Where(r => r.Key.StartsWith(Text(request.Prefix.Span), StringComparison.Ordinal)
                && (after.Length == 0 || string.CompareOrdinal(r.Key, after) > 0)).ToArray();
            var page = matching.Take((int)request.LimitRecords).Select(r => new ScanRecord(
                Bytes(r.Key), request.KeysOnly ? default(ReadOnlyMemory<byte>) : r.Value, Samples.Revision, null)).ToArray();
            var more = matching.Length > page.Length;
            var reply = new ScanPage { Records = page, More = more, Cursor = more ? page[^1].Key : default, Achieved = request.Consistency, StalenessMs = 5 };
            return ScriptedReply.Of(FrameType.ScanReply, output => ScanReply.Encode(output, reply));
        }
    }

    private static string Text(ReadOnlySpan<byte> bytes) => System.Text.Encoding.Latin1.GetString(bytes);

    private static byte[] Bytes(string text) => System.Text.Encoding.Latin1.GetBytes(text);
}
