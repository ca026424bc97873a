using NUnit.Framework;

namespace KvStore.Tests.Protocol.Client;

/// <summary>Waits for conditions that other threads bring about.</summary>
internal static class Wait
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    public static async Task Until(Func<bool> condition, string what)
    {
        var started = Environment.TickCount64;
        while (!condition())
        {
            if (Environment.TickCount64 - started > Limit.TotalMilliseconds) Assert.Fail($"waited in vain until {what}");
            await Task.Yield();
        }
    }
}
