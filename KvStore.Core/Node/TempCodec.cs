namespace KvStore.Core.Node;
public enum ErrorCode { None, NotPrimary, Overloaded, NoQuorum, Unavailable, DeadlineExceeded, ShuttingDown, Internal, DiskFull, ConditionFailed, TooLarge, InvalidRequest, NotInitialized }
public static class ClientCodec { public const byte ErrorType = 3; public static ErrorCode ErrorCodeOf(ReadOnlySpan<byte> b) => (ErrorCode)b[0]; }
public sealed partial class Coordinator {
 internal void WriteError(ByteBuffer b, in KnownError e) => b.Take(1)[0] = (byte)e.Code;
 private void Dispatch(in ClientRequest r) {}
 private void ReplyError(in ClientRequest r, in KnownError e) {}
}
