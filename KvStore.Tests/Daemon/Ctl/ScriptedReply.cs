using System.Buffers;
using KvStore.Protocol.Wire;

namespace KvStore.Tests.Daemon.Ctl;

/// <summary>What a <see cref="ScriptedNode"/> does about a request.</summary>
internal sealed record ScriptedReply(FrameType Type, byte[] Body)
{
    /// <summary>Ends the connection.</summary>
    public static readonly ScriptedReply Close = new((FrameType)0, []);

    /// <summary>Never answers.</summary>
    public static readonly ScriptedReply Silence = new((FrameType)0, []);

    public bool Closes => ReferenceEquals(this, Close);

    public bool IsSilent => ReferenceEquals(this, Silence);

    public static ScriptedReply Of(FrameType type, Action<IBufferWriter<byte>> encode)
    {
        var body = new ArrayBufferWriter<byte>();
        encode(body);
        return new ScriptedReply(type, body.WrittenSpan.ToArray());
    }
}
