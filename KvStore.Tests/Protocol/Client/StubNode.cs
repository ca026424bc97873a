using System.Buffers;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;

namespace KvStore.Tests.Protocol.Client;

/// <summary>A request as the stub node received it.</summary>
public sealed record StubRequest(StubConnection Connection, FrameType Type, ulong Id, uint DeadlineMs, byte[] Body)
{
    public void Reply(FrameType type, Action<IBufferWriter<byte>> body) => Connection.Send(type, Id, body);

    public void Refuse(KvError code, Outcome outcome = Outcome.NotApplied, bool retryable = true, ushort leader = 0, ushort? partition = null) =>
        Reply(FrameType.Error, new ErrorReply
        {
            Code = code,
            Message = $"stub says {code.Name()}",
            Outcome = outcome,
            Retryable = retryable,
            Leader = leader,
            Partition = partition,
        }.Encode);

    public void Applied(ushort primary, WireRevision revision = default, ushort partition = 0) => Reply(FrameType.WriteReply, output => WriteReply.Encode(output, new WriteResult
    {
        Outcome = Outcome.Applied,
        Requested = WriteMode.Fast,
        Achieved = WriteMode.Fast,
        Primary = primary,
        Revision = revision,
        Partition = partition,
    }));

    public void Found(byte[] value, ushort servedBy, WireRevision revision = default, ushort partition = 0) => Reply(FrameType.GetReply, output => GetReply.Encode(
        output, [new ReadResult { Found = true, Value = value, ServedBy = servedBy, Revision = revision, Partition = partition, Achieved = ReadConsistency.Local }]));
}

/// <summary>One accepted connection of a stub node.</summary>
public sealed class StubConnection(Socket socket)
{
    private readonly Lock _gate = new();

    public void Send(FrameType type, ulong id, Action<IBufferWriter<byte>> body)
    {
        var encoded = new ArrayBufferWriter<byte>();
        body(encoded);
        var frame = new ArrayBufferWriter<byte>();
        FrameWriter.Write(frame, type, id, encoded.WrittenSpan);
        SendRaw(frame.WrittenSpan);
    }

    public void SendRaw(ReadOnlySpan<byte> bytes)
    {
        lock (_gate) socket.Send(bytes);
    }

    public void Close() => socket.Close();

    internal async Task<int> ReceiveAsync(Memory<byte> into, CancellationToken cancellation) => await socket.ReceiveAsync(into, cancellation);
}

/// <summary>A node as the client sees one: shakes hands, then gives every request to a handler. Listens on a port of its own.</summary>
public sealed class StubNode : IAsyncDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly ConcurrentBag<StubConnection> _connections = [];
    private Socket _listener;

    public StubNode(ushort node, Action<StubRequest> handler)
    {
        Node = node;
        Handler = handler;
        _listener = Listen(new IPEndPoint(IPAddress.Loopback, 0));
        Address = _listener.LocalEndPoint!.ToString()!;
    }

    public ushort Node { get; }

    public string Address { get; }

    public Action<StubRequest> Handler { get; set; }

    public TopologyReply? Topology { get; set; }

    /// <summary>Answer the handshake with this error and close.</summary>
    public KvError RefuseHandshake { get; set; }

    /// <summary>Swallow Pings.</summary>
    public bool Mute { get; set; }

    public ConcurrentQueue<StubRequest> Requests { get; } = new();

    public int Connections => _connections.Count;

    public int Pings { get; private set; }

    public Hello? LastHello { get; private set; }

    /// <summary>A cluster of stub nodes; every partition's replicas are nodes 1, 2, 3 rotated by its number, the first one leads.</summary>
    public static StubNode[] Cluster(int count, int partitions, Action<StubNode, StubRequest> handler)
    {
        var nodes = new StubNode[count];
        for (var i = 0; i < count; i++)
        {
            var at = i;
            nodes[i] = new StubNode((ushort)(i + 1), request => handler(nodes[at], request));
        }

        var topology = TopologyOf(nodes, partitions);
        foreach (var node in nodes) node.Topology = topology;
        return nodes;
    }

    public static TopologyReply TopologyOf(StubNode[] nodes, int partitions, ulong version = 1) => new()
    {
        ClusterId = 7,
        Version = version,
        PartitionCount = partitions,
        Members = [.. nodes.Select(node => new TopologyMember(node.Node, $"n{node.Node}", node.Address, "a", 1, WireMemberState.Active, Liveness.Up))],
        Replicas = [.. Enumerable.Range(0, partitions).SelectMany(p => Enumerable.Range(0, 3).Select(i => nodes[(p + i) % nodes.Length].Node))],
        Leaders = [.. Enumerable.Range(0, partitions).Select(p => nodes[p % nodes.Length].Node)],
    };

    /// <summary>Closes the listener and every connection; the port refuses from then on.</summary>
    public void Kill()
    {
        _listener.Close();
        DropConnections();
    }

    public void DropConnections()
    {
        while (_connections.TryTake(out var connection)) connection.Close();
    }

    public void Restart() => _listener = Listen(IPEndPoint.Parse(Address));

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        Kill();
        _stopping.Dispose();
    }

    private Socket Listen(IPEndPoint endpoint)
    {
        var listener = new Socket(SocketType.Stream, ProtocolType.Tcp);
        listener.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        listener.Bind(endpoint);
        listener.Listen();
        _ = AcceptAsync(listener);
        return listener;
    }

    private async Task AcceptAsync(Socket listener)
    {
        try
        {
            while (true)
            {
                var socket = await listener.AcceptAsync(_stopping.Token);
                socket.NoDelay = true;
                var connection = new StubConnection(socket);
                _connections.Add(connection);
                _ = ServeAsync(connection);
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException or OperationCanceledException)
        {
        }
    }

    private async Task ServeAsync(StubConnection connection)
    {
        var pipe = new System.IO.Pipelines.Pipe();
        try
        {
            while (true)
            {
                var count = await connection.ReceiveAsync(pipe.Writer.GetMemory(4096), _stopping.Token);
                if (count == 0) return;
                pipe.Writer.Advance(count);
                await pipe.Writer.FlushAsync();
                var read = await pipe.Reader.ReadAsync();
                var buffer = read.Buffer;
                while (FrameReader.TryRead(ref buffer, Limits.FrameBytes, out var frame)) Serve(connection, frame);
                pipe.Reader.AdvanceTo(buffer.Start, buffer.End);
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException or OperationCanceledException)
        {
        }
    }

    private void Serve(StubConnection connection, in Frame frame)
    {
        using var body = FrameBody.Open(frame);
        switch (frame.Type)
        {
            case FrameType.Hello:
                LastHello = Hello.Decode(body.Span);
                if (RefuseHandshake != KvError.None) connection.Send(FrameType.Error, 0, new ErrorReply { Code = RefuseHandshake, Message = "no" }.Encode);
                else connection.Send(FrameType.HelloAck, 0, new HelloAck { Node = Node, ClusterId = 7, BuildVersion = "stub" }.Encode);
                break;
            case FrameType.Ping:
                Pings++;
                if (!Mute) connection.Send(FrameType.Pong, frame.RequestId, _ => { });
                break;
            case FrameType.Topology when Topology is { } topology:
                connection.Send(FrameType.TopologyReply, frame.RequestId, topology.Encode);
                break;
            default:
                var request = new StubRequest(connection, frame.Type, frame.RequestId, frame.DeadlineMs, body.Span.ToArray());
                Requests.Enqueue(request);
                Handler(request);
                break;
        }
    }
}
