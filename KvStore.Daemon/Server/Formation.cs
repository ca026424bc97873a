using System.Buffers.Binary;
using System.Net.Sockets;
using System.Numerics;
using System.Security.Cryptography;
using System.Text;
using KvStore.Core.Io;
using KvStore.Core.Node;
using KvStore.Core.Primitives;
using KvStore.Core.Ring;
using KvStore.Daemon.Config;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;
using Microsoft.Extensions.Logging;

namespace KvStore.Daemon.Server;

/// <summary>
/// Forms a cluster of empty nodes. The node that is asked prepares every named node, and only when all have promised durably does it commit:
/// the same list and id resume the formation from any of them, and no timer undoes a promise.
/// </summary>
/// <remarks>
/// Between nodes, on client connections. InitPrepare {a pending init}, InitPrepared {u64 incarnation, string name, string zone,
/// bytes cluster file, empty unless the receiver is a member already}; InitCommit {a cluster file}, InitCommitted {}; InitAbort {a pending init}, InitAborted {}.
/// </remarks>
internal sealed class Formation(
    IFileSystem files, KvdConfig config, NodeIdentity identity, ILogger log, Action<ClusterFile> join, Func<ClusterFile?> current) : IDisposable
{
    private readonly SemaphoreSlim _one = new(1);

    private sealed record Prepared(ulong Incarnation, string Name, string Zone, ClusterFile? Cluster);

    public static bool Takes(FrameType type) =>
        type == FrameType.Init || (PeerFrame)type is PeerFrame.InitPrepare or PeerFrame.InitCommit or PeerFrame.InitAbort;

    /// <summary>Answers later, from another thread: forming a cluster waits for disks and other nodes.</summary>
    public void Handle(in ClientRequest request)
    {
        var (type, id, sink, body) = (request.Type, request.Id, request.Sink, request.Body.ToArray());
        _ = Task.Run(async () =>
        {
            await _one.WaitAsync();
            try
            {
                var (replyType, reply) = type == FrameType.Init ? await InitAsync(InitRequest.Decode(body)) : Take((PeerFrame)type, body);
                sink.Reply(id, replyType, reply);
            }
            catch (FormationException refusal)
            {
                Refuse(sink, id, refusal.Code, refusal.Message, refusal.Outcome);
            }
            catch (WireException malformed)
            {
                Refuse(sink, id, KvError.InvalidRequest, malformed.Message, Outcome.NotApplied);
            }
            catch (Exception e)
            {
                log.LogError(e, "forming a cluster failed");
                Refuse(sink, id, KvError.Internal, e.Message, Outcome.Unknown);
            }
            finally
            {
                _one.Release();
            }
        });
    }

    public void Dispose() => _one.Dispose();

    private static void Refuse(IReplySink sink, ulong id, KvError code, string message, Outcome outcome)
    {
        using var body = new FrameBuffer();
        new ErrorReply { Code = code, Message = message, Outcome = outcome, Retryable = code == KvError.Unavailable }.Encode(body);
        sink.Reply(id, FrameType.Error, body.Written);
    }

    private async Task<(FrameType Type, byte[] Body)> InitAsync(InitRequest request)
    {
        // The same list again is the same formation, begun earlier and cut short, whatever id the caller has drawn this time.
        var pending = Check(request);
        if (PendingInit.Read(files, config.DataDirectory) is { } earlier && earlier.Matches(pending with { ClusterId = earlier.ClusterId })) pending = earlier;
        if (request.Abort)
        {
            await AbortAsync(pending);
            return Reply(InitState.Aborted, pending, []);
        }

        var prepared = new List<Prepared>();
        for (var i = 0; i < pending.Addresses.Count; i++)
        {
            var answer = await AskAsync(pending.Addresses[i], PeerFrame.InitPrepare, pending.Encode(), PeerFrame.InitPrepared);
            prepared.Add(ReadPrepared(answer));
        }

        // A node that has the commit already has the one document: a resumed formation never makes a second.
        var cluster = prepared.Find(p => p.Cluster is not null)?.Cluster ?? Form(pending, prepared);
        await CommitAsync(pending, cluster);
        return Reply(InitState.Committed, pending, [.. cluster.Topology.Members.Select(m => new InitMember(m.Id.Value, m.Name, m.Address))]);
    }

    /// <summary>Once a node may have the commit the cluster exists, so whatever happens then, 'not applied' would be a lie.</summary>
    private async Task CommitAsync(PendingInit pending, ClusterFile cluster)
    {
        try
        {
            foreach (var address in pending.Addresses) await AskAsync(address, PeerFrame.InitCommit, cluster.Encode(), PeerFrame.InitCommitted);
        }
        catch (FormationException e)
        {
            var id = $"{cluster.Topology.ClusterId:x32}";
            throw new FormationException(e.Code, $"{e.Message}; the others have agreed on cluster {id}: repeat the same init with --cluster-id {id} to finish it") { Outcome = Outcome.Unknown };
        }
    }

    /// <summary>A node that cannot be reached, and may have promised itself, does not keep the others from being free again.</summary>
    private async Task AbortAsync(PendingInit pending)
    {
        var unreachable = new List<string>();
        foreach (var address in pending.Addresses)
        {
            try
            {
                await AskAsync(address, PeerFrame.InitAbort, pending.Encode(), PeerFrame.InitAborted);
            }
            catch (FormationException e) when (e.Code == KvError.Unavailable)
            {
                unreachable.Add(e.Message);
            }
        }

        if (unreachable.Count > 0)
            throw new FormationException(KvError.Unavailable, $"{string.Join("; ", unreachable)}; the other nodes have given the formation up: repeat --abort when all can be reached");
    }

    private static PendingInit Check(InitRequest request)
    {
        if (request.Members.Count < Topology.MinMembers)
            throw new FormationException(KvError.InvalidRequest, $"{request.Members.Count} nodes were named: a cluster has at least {Topology.MinMembers}, for every partition has three replicas");
        if (request.Members.Count > Topology.MaxMembers) throw new FormationException(KvError.InvalidRequest, $"{request.Members.Count} nodes were named: a cluster has at most {Topology.MaxMembers}");
        if (request.Members.Distinct(StringComparer.Ordinal).Count() != request.Members.Count) throw new FormationException(KvError.InvalidRequest, "a node is named twice");
        if (request.Members.FirstOrDefault(m => !HostPort.TryParse(m, out _)) is { } wrong) throw new FormationException(KvError.InvalidRequest, $"'{wrong}' is no HOST:PORT");
        if (request.Partitions is < Topology.MinPartitions or > Topology.MaxPartitions || !BitOperations.IsPow2(request.Partitions))
            throw new FormationException(KvError.InvalidRequest, $"{request.Partitions} partitions: must be a power of two from {Topology.MinPartitions} to {Topology.MaxPartitions}");
        if (request.ClusterId == 0) throw new FormationException(KvError.InvalidRequest, "the cluster id is 0");
        return new PendingInit(request.ClusterId, (int)request.Partitions, request.Members);
    }

    private static ClusterFile Form(PendingInit pending, List<Prepared> prepared)
    {
        var members = new List<ClusterMember>();
        for (var i = 0; i < prepared.Count; i++)
        {
            var name = prepared.Count(p => p.Name == prepared[i].Name) > 1 ? $"{prepared[i].Name}-{i + 1}" : prepared[i].Name;
            members.Add(new ClusterMember
            {
                Id = new NodeId((ushort)(i + 1)),
                Name = name,
                Address = pending.Addresses[i],
                Zone = prepared[i].Zone,
                Incarnation = prepared[i].Incarnation,
            });
        }

        if (members.DistinctBy(m => m.Incarnation).Count() != members.Count) throw new FormationException(KvError.InvalidRequest, "two of the addresses are the same node");
        return new ClusterFile(Topology.Form(pending.ClusterId, pending.Partitions, members), RandomNumberGenerator.GetBytes(ClusterFile.SecretBytes));
    }

    /// <summary>A frame of the node that forms the cluster, which may be this one.</summary>
    private (FrameType Type, byte[] Body) Take(PeerFrame type, byte[] body)
    {
        if (type == PeerFrame.InitCommit) return ((FrameType)PeerFrame.InitCommitted, Commit(body));
        var pending = PendingInit.TryDecode(body) ?? throw new FormationException(KvError.InvalidRequest, "not a formation of this protocol");
        return type == PeerFrame.InitPrepare
            ? ((FrameType)PeerFrame.InitPrepared, Prepare(pending))
            : ((FrameType)PeerFrame.InitAborted, Abort(pending));
    }

    private byte[] Prepare(PendingInit pending)
    {
        var cluster = current();
        if (cluster is not null && cluster.Topology.ClusterId != pending.ClusterId)
            throw new FormationException(KvError.AlreadyInitialized, $"{config.Advertise} is a member of cluster {cluster.Topology.ClusterId:x32}");
        if (cluster is null && PendingInit.Read(files, config.DataDirectory) is { } earlier && !earlier.Matches(pending))
        {
            throw new FormationException(
                KvError.AlreadyInitialized,
                $"{config.Advertise} has promised itself to cluster {earlier.ClusterId:x32} of {string.Join(',', earlier.Addresses)}: finish that init, or end it with --abort");
        }

        if (cluster is null) pending.Write(files, config.DataDirectory);
        var writer = new FrameBuffer();
        var wire = new WireWriter(writer);
        wire.UInt64(identity.Incarnation);
        wire.String(config.NodeName);
        wire.String(config.Zone);
        wire.Bytes(cluster?.Encode() ?? []);
        wire.Complete();
        return writer.Written.ToArray();
    }

    private byte[] Commit(byte[] body)
    {
        var cluster = ClusterFile.TryDecode(body) ?? throw new FormationException(KvError.InvalidRequest, "not a cluster file");
        if (current() is { } member)
        {
            if (member.Topology.ClusterId == cluster.Topology.ClusterId) return [];
            throw new FormationException(KvError.AlreadyInitialized, $"{config.Advertise} is a member of cluster {member.Topology.ClusterId:x32}");
        }

        if (PendingInit.Read(files, config.DataDirectory)?.ClusterId != cluster.Topology.ClusterId)
            throw new FormationException(KvError.InvalidRequest, $"{config.Advertise} was not prepared for cluster {cluster.Topology.ClusterId:x32}");
        cluster.Write(files, config.DataDirectory);
        PendingInit.Remove(files, config.DataDirectory);
        join(cluster);
        return [];
    }

    private byte[] Abort(PendingInit pending)
    {
        if (current() is { } member) throw new FormationException(KvError.AlreadyInitialized, $"cluster {member.Topology.ClusterId:x32} is committed: it cannot be given up");
        if (PendingInit.Read(files, config.DataDirectory) is { } earlier && earlier.Matches(pending with { ClusterId = earlier.ClusterId }))
            PendingInit.Remove(files, config.DataDirectory);
        return [];
    }

    private bool IsThisNode(HelloAck ack) => ack.Incarnation == identity.Incarnation && ack.BootId == identity.Boot;

    private static Prepared ReadPrepared(byte[] body)
    {
        var reader = new WireReader(body);
        var (incarnation, name, zone) = (reader.ReadUInt64(), reader.ReadString(), reader.ReadString());
        return new Prepared(incarnation, name, zone, ClusterFile.TryDecode(body.AsSpan(reader.Position)));
    }

    private static (FrameType Type, byte[] Body) Reply(InitState state, PendingInit pending, IReadOnlyList<InitMember> members)
    {
        using var body = new FrameBuffer();
        new InitReply { State = state, ClusterId = pending.ClusterId, Partitions = (uint)pending.Partitions, Members = members }.Encode(body);
        return (FrameType.InitReply, body.Written.ToArray());
    }

    /// <summary>One question to one node, itself included, on a connection of its own.</summary>
    private async Task<byte[]> AskAsync(string address, PeerFrame question, byte[] body, PeerFrame answer)
    {
        if (address == config.Advertise.ToString()) return Take(question, body).Body;
        if (!HostPort.TryParse(address, out var target)) throw new FormationException(KvError.InvalidRequest, $"'{address}' is no HOST:PORT");
        try
        {
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(5));
            using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(target.Host, target.Port, patience.Token);
            using var connection = new FrameConnection(socket, Limits.FrameBytes) { FrameLimit = Limits.FrameBytes };
            using var watch = patience.Token.Register(connection.Dispose);
            using (var hello = new FrameBuffer())
            {
                new Hello { Name = BuildInfo.Version }.Encode(hello);
                connection.TrySend(FrameType.Hello, 0, hello.Written);
            }

            byte[]? reply = null;
            await connection.ReceiveAsync((in Frame frame) =>
            {
                using var received = FrameBody.Open(frame);
                if (frame.Type == FrameType.Error)
                {
                    var error = ErrorReply.Decode(received.Span);
                    throw new FormationException(error.Code, $"{address}: {error.Message}");
                }

                if (frame.Type == FrameType.HelloAck)
                {
                    // Asked over the network this node would wait for itself, and keep a promise that nobody knows of.
                    if (IsThisNode(HelloAck.Decode(received.Span)))
                        throw new FormationException(KvError.InvalidRequest, $"{address} is this node, which others know as {config.Advertise} (network.advertise): name it so");
                    connection.TrySend((FrameType)question, 1, body);
                }

                if (frame.Type == (FrameType)answer) reply = received.Span.ToArray();
                return reply is null;
            }).ConfigureAwait(ConfigureAwaitOptions.ForceYielding); // What follows may open a store: not on the socket's thread.
            return reply ?? throw new FormationException(KvError.Unavailable, $"{address} {(patience.IsCancellationRequested ? "does not answer" : "ended the connection without an answer")}");
        }
        catch (Exception e) when (e is SocketException or IOException or OperationCanceledException or InvalidOperationException or ObjectDisposedException)
        {
            throw new FormationException(KvError.Unavailable, $"{address} cannot be reached: {e.Message}");
        }
    }
}

/// <summary>A cluster cannot be formed this way; said to the operator.</summary>
internal sealed class FormationException(KvError code, string message) : Exception(message)
{
    public KvError Code { get; } = code;

    public Outcome Outcome { get; init; } = Outcome.NotApplied;
}
