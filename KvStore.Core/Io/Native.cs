using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace KvStore.Core.Io;

/// <summary>The system calls that <see cref="OsFileSystem"/> and <see cref="SystemClock"/> make themselves, because the BCL hides their errors or their kind. 64-bit Linux, glibc.</summary>
internal static unsafe partial class Native
{
    public const int ReadOnly = 0;
    public const int ReadWrite = 2;
    public const int Create = 0x40;
    public const int Exclusive = 0x80;
    public const int CloseOnExec = 0x80000;

    public const int Interrupted = 4; // EINTR
    public const int WouldBlock = 11; // EWOULDBLOCK
    public const int NotFound = 2; // ENOENT
    public const int Exists = 17; // EEXIST
    public const int NotDirectory = 20; // ENOTDIR
    public const int NotSupported = 95; // EOPNOTSUPP

    public const int LockExclusive = 2;
    public const int LockNonBlocking = 4;

    public const int SeekEnd = 2;

    /// <summary>PRIO_PROCESS: on Linux, with 0, the calling thread alone.</summary>
    public const int PriorityOfThread = 0;

    /// <summary>RWF_NOWAIT: a read ends where the page cache does.</summary>
    public const int NoWait = 8;

    public const int ClockRealTime = 0;
    public const int ClockBootTime = 7;

    /// <summary>The most buffers that one pwritev takes (IOV_MAX).</summary>
    public const int MaxVectors = 1024;

    private const string LibC = "libc.so.6";

    [LibraryImport(LibC, EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Open(string path, int flags, uint mode);

    [LibraryImport(LibC, EntryPoint = "close", SetLastError = true)]
    public static partial int Close(nint descriptor);

    [LibraryImport(LibC, EntryPoint = "pread", SetLastError = true)]
    public static partial nint ReadAt(FileDescriptor file, byte* buffer, nuint count, long offset);

    [LibraryImport(LibC, EntryPoint = "preadv2")]
    public static partial nint ReadVectorAt(FileDescriptor file, IoVector* vectors, int count, long offset, int flags);

    [LibraryImport(LibC, EntryPoint = "pwrite", SetLastError = true)]
    public static partial nint WriteAt(FileDescriptor file, byte* buffer, nuint count, long offset);

    [LibraryImport(LibC, EntryPoint = "pwritev", SetLastError = true)]
    public static partial nint WriteVectorAt(FileDescriptor file, IoVector* vectors, int count, long offset);

    [LibraryImport(LibC, EntryPoint = "fdatasync", SetLastError = true)]
    public static partial int DataSync(FileDescriptor file);

    [LibraryImport(LibC, EntryPoint = "fsync", SetLastError = true)]
    public static partial int Sync(FileDescriptor file);

    [LibraryImport(LibC, EntryPoint = "fallocate", SetLastError = true)]
    public static partial int Allocate(FileDescriptor file, int mode, long offset, long length);

    [LibraryImport(LibC, EntryPoint = "ftruncate", SetLastError = true)]
    public static partial int Truncate(FileDescriptor file, long length);

    [LibraryImport(LibC, EntryPoint = "lseek", SetLastError = true)]
    public static partial long Seek(FileDescriptor file, long offset, int whence);

    [LibraryImport(LibC, EntryPoint = "flock", SetLastError = true)]
    public static partial int Lock(FileDescriptor file, int operation);

    [LibraryImport(LibC, EntryPoint = "rename", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Rename(string from, string to);

    [LibraryImport(LibC, EntryPoint = "unlink", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Unlink(string path);

    [LibraryImport(LibC, EntryPoint = "mkdir", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int MakeDirectory(string path, uint mode);

    [LibraryImport(LibC, EntryPoint = "access", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Access(string path, int mode);

    [LibraryImport(LibC, EntryPoint = "setpriority")]
    public static partial int SetPriority(int which, uint who, int nice);

    [LibraryImport(LibC, EntryPoint = "statvfs", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int FileSystemStatus(string path, out FileSystemStatistics statistics);

    /// <summary>A vDSO call of some 30 ns that never blocks, so the thread does not tell the collector about it.</summary>
    [LibraryImport(LibC, EntryPoint = "clock_gettime")]
    [SuppressGCTransition]
    public static partial int ClockGetTime(int clock, TimeSpec* time);

    [StructLayout(LayoutKind.Sequential)]
    public struct IoVector
    {
        public byte* Base;
        public nuint Length;
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }

    /// <summary>struct statvfs of glibc on 64-bit systems.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct FileSystemStatistics
    {
        public ulong BlockSize;
        public ulong FragmentSize;
        public ulong Blocks;
        public ulong FreeBlocks;
        public ulong AvailableBlocks;
        public ulong Files;
        public ulong FreeFiles;
        public ulong AvailableFiles;
        public ulong FileSystemId;
        public ulong Flags;
        public ulong MaxNameLength;
        public fixed int Spare[6];
    }
}

/// <summary>An open descriptor: closed once, and never while a call that was given it is running.</summary>
internal sealed class FileDescriptor : SafeHandleMinusOneIsInvalid
{
    public FileDescriptor(int descriptor)
        : base(ownsHandle: true) => SetHandle(descriptor);

    /// <remarks>close is not repeated on EINTR: Linux has released the descriptor, and it may already belong to another thread.</remarks>
    protected override bool ReleaseHandle() => Native.Close(handle) == 0;
}
