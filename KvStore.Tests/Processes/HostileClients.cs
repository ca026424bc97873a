using System.Buffers.Binary;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;

namespace KvStore.Tests.Processes;

/// <summary>Clients that do not behave, each until it is cancelled or thrown out; none ends with an exception.</summary>
internal static class HostileClients
{
    /// <summary>Sends requests as fast as the node takes them and never reads an answer.</summary>
    /// <returns>How many it sent.</returns>
    public static async Task<long> AskAndNeverReadAsync(RawConnection connection, byte[] key, CancellationToken enough)
    {
        var sent = 0L;
        try
        {
            while (await connection.TrySendAsync(RawConnection.FrameOf(FrameType.Get, (ulong)sent, o => GetRequest.Encode(o, ReadConsistency.Quorum, key)), enough)) sent++;
        }
        catch (OperationCanceledException)
        {
            // Enough.
        }

        return sent;
    }

    /// <summary>Sends <paramref name="bytes"/> one at a time, one a second, until all are sent or the node has closed.</summary>
    public static async Task SendOneByteASecondAsync(RawConnection connection, byte[] bytes, CancellationToken enough)
    {
        using var second = new PeriodicTimer(TimeSpan.FromSeconds(1));
        try
        {
            for (var i = 0; i < bytes.Length && await connection.TrySendAsync(bytes.AsMemory(i, 1), enough); i++) await second.WaitForNextTickAsync(enough);
        }
        catch (OperationCanceledException)
        {
            // Enough.
        }
    }

    /// <summary>Bytes that begin like a short frame, so that the node has to judge what follows.</summary>
    public static byte[] Garbage(Random random)
    {
        var garbage = new byte[random.Next(64, 4096)];
        random.NextBytes(garbage);
        BinaryPrimitives.WriteUInt32LittleEndian(garbage, 40);
        return garbage;
    }

    /// <summary>A hundred connections a second, each with garbage.</summary>
    public static async Task SendGarbageAsync(KvdProcess node, CancellationToken enough)
    {
        var random = new Random(20261122);
        using var pace = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
        try
        {
            while (await pace.WaitForNextTickAsync(enough))
            {
                using var connection = await RawConnection.GreetAsync(node);
                await connection.TrySendAsync(Garbage(random), enough);
                await connection.IsClosedWithinAsync(TimeSpan.FromSeconds(10));
            }
        }
        catch (OperationCanceledException)
        {
            // Enough.
        }
    }
}
