using System.Security.Cryptography;

namespace KvStore.Daemon.Server;

/// <summary>
/// How two nodes prove to each other that they know the cluster's secret: HMAC-SHA256 over both nonces, with a label for the direction,
/// so that neither answer can be played back at the other side.
/// </summary>
internal static class PeerProof
{
    public const int NonceBytes = 16;

    public static byte[] NewNonce() => RandomNumberGenerator.GetBytes(NonceBytes);

    public static byte[] OfAcceptor(ReadOnlySpan<byte> secret, ReadOnlySpan<byte> dialerNonce, ReadOnlySpan<byte> acceptorNonce) =>
        Compute(secret, "kvd acceptor"u8, dialerNonce, acceptorNonce);

    public static byte[] OfDialer(ReadOnlySpan<byte> secret, ReadOnlySpan<byte> dialerNonce, ReadOnlySpan<byte> acceptorNonce) =>
        Compute(secret, "kvd dialer"u8, dialerNonce, acceptorNonce);

    public static bool Matches(ReadOnlySpan<byte> expected, ReadOnlySpan<byte> given) => CryptographicOperations.FixedTimeEquals(expected, given);

    private static byte[] Compute(ReadOnlySpan<byte> secret, ReadOnlySpan<byte> label, ReadOnlySpan<byte> dialerNonce, ReadOnlySpan<byte> acceptorNonce) =>
        HMACSHA256.HashData(secret, [.. label, .. dialerNonce, .. acceptorNonce]);
}
