using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace KvStore.Tests.Chaos.Network;

/// <summary>The system calls that put a network interface of ours into a namespace and move its packets.</summary>
internal static unsafe partial class NetworkCalls
{
    private const string LibC = "libc.so.6";
    private const string TunPath = "/dev/net/tun";
    private const int ReadOnly = 0;
    private const int ReadWrite = 2;
    private const int CloseOnExec = 0x80000;
    private const int NewNetwork = 0x4000_0000; // CLONE_NEWNET
    private const nuint SetInterface = 0x4004_54CA; // TUNSETIFF
    private const short Tun = 1;
    private const short WithoutHeader = 0x1000; // IFF_NO_PI: a read or write is a packet and nothing else
    private const int InterfaceRequestBytes = 40;
    private const int NameBytes = 16;

    /// <summary>Moves the calling thread, and it alone, to the namespace.</summary>
    /// <param name="path">Where `ip netns` keeps it.</param>
    public static void Enter(string path)
    {
        using var descriptor = OpenFor(path, ReadOnly);
        Check(SetNamespace(descriptor, NewNetwork), $"setns {path}");
    }

    /// <summary>A new interface in the calling thread's namespace: what the kernel sends into it is read, what is written arrives.</summary>
    public static SafeFileHandle CreateTun(string name)
    {
        var device = OpenFor(TunPath, ReadWrite);
        var request = stackalloc byte[InterfaceRequestBytes];
        new Span<byte>(request, InterfaceRequestBytes).Clear();
        System.Text.Encoding.ASCII.GetBytes(name, new Span<byte>(request, NameBytes));
        *(short*)(request + NameBytes) = Tun | WithoutHeader;
        Check(Control(device, SetInterface, request), "TUNSETIFF");
        return device;
    }

    /// <summary>The next packet; its length, or a negative number when the interface is gone.</summary>
    public static int ReadPacket(SafeFileHandle device, Span<byte> packet)
    {
        fixed (byte* bytes = packet) return (int)Read(device, bytes, (nuint)packet.Length);
    }

    /// <summary>Delivers a packet. That it cannot be delivered is one more packet lost.</summary>
    public static void WritePacket(SafeFileHandle device, ReadOnlySpan<byte> packet)
    {
        fixed (byte* bytes = packet) _ = Write(device, bytes, (nuint)packet.Length);
    }

    private static SafeFileHandle OpenFor(string path, int mode)
    {
        var descriptor = Open(path, mode | CloseOnExec);
        Check(descriptor, $"open {path}");
        return new SafeFileHandle(descriptor, ownsHandle: true);
    }

    private static void Check(int result, string what)
    {
        if (result < 0) throw new InvalidOperationException($"{what}: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    [LibraryImport(LibC, EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport(LibC, EntryPoint = "setns", SetLastError = true)]
    private static partial int SetNamespace(SafeFileHandle descriptor, int kind);

    [LibraryImport(LibC, EntryPoint = "ioctl", SetLastError = true)]
    private static partial int Control(SafeFileHandle descriptor, nuint request, byte* argument);

    [LibraryImport(LibC, EntryPoint = "read", SetLastError = true)]
    private static partial nint Read(SafeFileHandle descriptor, byte* buffer, nuint length);

    [LibraryImport(LibC, EntryPoint = "write", SetLastError = true)]
    private static partial nint Write(SafeFileHandle descriptor, byte* buffer, nuint length);
}
