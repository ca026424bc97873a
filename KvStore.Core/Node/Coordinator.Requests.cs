using KvStore.Core.Io;
using KvStore.Core.Primitives;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;

namespace KvStore.Core.Node;

/// <summary>What each kind of request becomes.</summary>
public sealed partial class Coordinator
{
    private void Dispatch(in ClientRequest request)
    {
        try
        {
            switch (request.Type)
            {
                case FrameType.Get:
                    OnGet(request);
                    break;
                case FrameType.Write:
                    OnWrite(request);
                    break;
                case FrameType.Scan:
                    OnScan(request);
                    break;
                case FrameType.Topology:
                    OnTopology(request);
                    break;
                case FrameType.Explain:
                    OnExplain(request);
                    break;
                default:
                    Refuse(request, KvError.InvalidRequest, $"this node answers no frame of type {(byte)request.Type}");
                    break;
            }
        }
        catch (WireException malformed)
        {
            Refuse(request, KvError.InvalidRequest, malformed.Message);
        }
        catch (IOException damage) when (damage is CorruptionException or DiskException)
        {
            // Only reads come here: they read before they answer.
            Refuse(request, KvError.Internal, damage.Message);
        }
    }

    private void OnWrite(in ClientRequest request)
    {
        var view = WriteRequestView.Decode(request.Body);
        var error = view.Check(out var message);
        if (error == KvError.None && view.RequestId.Length > 0)
            (error, message) = (KvError.InvalidRequest, "this release does not take request ids: send the write without one");
        var partition = _topology.PartitionOf(view.First.Key);
        if (error == KvError.None && view.Count > 1)
        {
            foreach (var operation in view)
            {
                if (_topology.PartitionOf(operation.Key) == partition) continue;
                (error, message) = (KvError.InvalidRequest, "the keys of a batch must share a partition: give them a common {hash tag}");
                break;
            }
        }

        if (error != KvError.None) Refuse(request, error, message);
        else Route(new RoutedWrite(this, request, partition, view.Mode, KindOf(view), view.Count));
    }

    private void OnGet(in ClientRequest request)
    {
        var view = GetRequestView.Decode(request.Body);
        if (view.Check(out var message) is var error && error != KvError.None)
        {
            Refuse(request, error, message);
        }
        else if (view.Count == 1)
        {
            var key = view.First;
            var partition = _topology.PartitionOf(key.Key);
            if (IsLocal(view.Consistency, key, partition)) ReplyLocal(request, partition, key.Key);
            else Route(new RoutedGet(this, request, partition, key, view.Consistency));
        }
        else if (AllLocal(view)) Later(request, Schedule);
        else GatheredGet.Start(this, request, view);
    }

    private bool AllLocal(in GetRequestView view)
    {
        foreach (var key in view)
            if (!IsLocal(view.Consistency, key, _topology.PartitionOf(key.Key))) return false;
        return true;
    }

    private bool IsLocal(ReadConsistency consistency, in GetKeyView key, PartitionId partition) =>
        consistency == ReadConsistency.Local && Reads.Holds(partition)
        && (key.AtLeast.IsNone || Reads.HasReached(partition, new LogIndex(key.AtLeast.Index)));

    /// <summary>One key: at once, unless only the disk can tell. The thread that took the request serves other connections, and shards, too.</summary>
    private void ReplyLocal(in ClientRequest request, PartitionId partition, ReadOnlySpan<byte> key)
    {
        var started = NowNs;
        var buffer = RentBuffer();
        try
        {
            var writer = GetReply.Begin(buffer, 1);
            if (Reads.TryAppendFromMemory(ref writer, partition, key, ReadConsistency.Local))
            {
                writer.Complete();
                request.Sink.Reply(request.Id, FrameType.GetReply, buffer.Written);
                Observe(RequestKind.Get, false, KvError.None, Outcome.None, started);
            }
            else ReplyFromDisk(request, partition);
        }
        finally
        {
            ReturnBuffer(buffer);
        }
    }

    private void ReplyFromDisk(in ClientRequest request, PartitionId partition)
    {
        var bytes = request.Body.Length;
        if (!Later(request, read => TryReadCold(partition, bytes, read))) Refuse(request, KvError.Overloaded, "too many reads wait for the disk");
    }

    /// <summary>What may read a disk, perhaps often, is done elsewhere. False if that takes no more.</summary>
    private bool Later(in ClientRequest request, Func<Action, bool> post)
    {
        var (id, sink, body) = (request.Id, request.Sink, PooledBytes.CopyOf(request.Body));
        var (type, deadlineNs, forwarded) = (request.Type, request.DeadlineNs, request.Forwarded);
        var posted = post(() =>
        {
            var copy = new ClientRequest { Type = type, Id = id, DeadlineNs = deadlineNs, Body = body.Span, Sink = sink, Forwarded = forwarded };
            var view = GetRequestView.Decode(body.Span);
            try
            {
                if (NowNs < deadlineNs) ReplyLocal(copy, view);
                else Refuse(copy, KvError.DeadlineExceeded, "the disk was not asked in time: many reads wait for it");
            }
            catch (IOException damage) when (damage is CorruptionException or DiskException)
            {
                // Of several keys each has its own answer: whatever is damaged of one says nothing of the others.
                if (view.Count > 1) GatheredGet.Start(this, copy, view);
                else Refuse(copy, KvError.Internal, damage.Message);
            }
            finally
            {
                body.Release();
            }
        });
        if (!posted) body.Release();
        return posted;
    }

    private void ReplyLocal(in ClientRequest request, in GetRequestView view)
    {
        var started = NowNs;
        var buffer = RentBuffer();
        var writer = GetReply.Begin(buffer, view.Count);
        var room = Limits.ReplyBytes;
        foreach (var key in view) room -= Reads.Append(ref writer, _topology.PartitionOf(key.Key), key.Key, ReadConsistency.Local, room);
        writer.Complete();
        if (IsStopping)
        {
            ReturnBuffer(buffer);
            Refuse(request, KvError.ShuttingDown, "this node is stopping");
            return;
        }

        request.Sink.Reply(request.Id, FrameType.GetReply, buffer.Written);
        ReturnBuffer(buffer);
        Observe(view.Count == 1 ? RequestKind.Get : RequestKind.MultiGet, false, KvError.None, Outcome.None, started);
    }

    private void OnTopology(in ClientRequest request)
    {
        var replicas = new ushort[_topology.PartitionCount * 3];
        var leaders = new ushort[_topology.PartitionCount];
        for (var i = 0; i < leaders.Length; i++)
        {
            var partition = new PartitionId((ushort)i);
            leaders[i] = _heartbeats.LeaderHint(partition).Value;
            var three = _topology.ReplicasOf(partition);
            for (var place = 0; place < 3; place++) replicas[(i * 3) + place] = three[place].Node.Value;
        }

        var reply = new TopologyReply
        {
            ClusterId = _topology.ClusterId,
            Version = _topology.Version,
            PartitionCount = _topology.PartitionCount,
            HintEpoch = Volatile.Read(ref _hintEpoch),
            Replicas = replicas,
            Leaders = leaders,
            Members = _topology.Members.Select(m => new TopologyMember(
                m.Id.Value, m.Name, m.Address, m.Zone, (uint)m.Weight, (WireMemberState)m.State,
                _heartbeats.IsAlive(m.Id) ? Liveness.Up : Liveness.Down)).ToArray(),
        };
        var buffer = RentBuffer();
        reply.Encode(buffer);
        request.Sink.Reply(request.Id, FrameType.TopologyReply, buffer.Written);
        ReturnBuffer(buffer);
    }

    private void Refuse(in ClientRequest request, KvError code, string message)
    {
        var buffer = RentBuffer();
        var error = Replies.Refusal(code, message, request.Type == FrameType.Write);
        error.Encode(buffer);
        request.Sink.Reply(request.Id, FrameType.Error, buffer.Written);
        ReturnBuffer(buffer);
        if (request.Type is FrameType.Write or FrameType.Get or FrameType.Scan) Observe(KindOf(request.Type), false, code, error.Outcome, NowNs);
    }

    private static RequestKind KindOf(in WriteRequestView view) =>
        view.Count > 1 ? RequestKind.Batch : view.First.Kind == WriteKind.Put ? RequestKind.Put : RequestKind.Delete;

    /// <summary>Of a request that was refused before it was understood.</summary>
    private static RequestKind KindOf(FrameType type) => type switch
    {
        FrameType.Write => RequestKind.Put,
        FrameType.Scan => RequestKind.Scan,
        _ => RequestKind.Get,
    };
}
