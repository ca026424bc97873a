using KvStore.Core.Node;
using KvStore.Core.Primitives;
using KvStore.Protocol.Wire;

namespace KvStore.Tests.Simulation.Runs;

/// <summary>A request of a client on its way, and what is written down of its answer.</summary>
internal abstract class ClientCall : IReplySink
{
    private bool _isAnswered;

    public abstract FrameType Type { get; }

    public required byte[] Body { get; init; }

    public int Node { get; set; }

    public long InvokedNs { get; set; }

    /// <summary>Told of the reply.</summary>
    public Action<(FrameType Type, byte[] Body)>? Answered { get; set; }

    /// <summary>What the answer makes the client ask next; null: anything.</summary>
    public ClientCall? Next { get; protected set; }

    public void Reply(ulong requestId, FrameType type, ReadOnlySpan<byte> body)
    {
        Invariant.Check(!_isAnswered); // two replies to one request
        _isAnswered = true;
        Answered?.Invoke((type, body.ToArray()));
    }

    /// <param name="reply">Null: none came.</param>
    public abstract void Record((FrameType Type, byte[] Body)? reply, long nowNs);
}
