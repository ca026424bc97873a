using System.ComponentModel;
using System.Runtime.InteropServices;

namespace KvStore.Tests.Io;

/// <summary>
/// Makes the kernel answer every fsync and fdatasync of this process, all threads, with an error, for good (seccomp(2), no privileges
/// needed). Unlike a preloaded library it cannot be bypassed by how the call is bound.
/// </summary>
internal static unsafe partial class SyncFilter
{
    private const int SetNoNewPrivileges = 38; // PR_SET_NO_NEW_PRIVS
    private const nint SetModeFilter = 1; // SECCOMP_SET_MODE_FILTER
    private const nint AllThreads = 1; // SECCOMP_FILTER_FLAG_TSYNC
    private const uint ReturnErrno = 0x00050000; // SECCOMP_RET_ERRNO
    private const uint ReturnAllow = 0x7FFF0000; // SECCOMP_RET_ALLOW
    private const ushort LoadWord = 0x20; // BPF_LD | BPF_W | BPF_ABS
    private const ushort JumpIfEqual = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
    private const ushort Return = 0x06; // BPF_RET | BPF_K

    public static void FailAllSyncs(int errno)
    {
        var (seccomp, fsync, fdatasync) = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? (317, 74u, 75u) : (277, 82u, 83u);
        var code = stackalloc Instruction[]
        {
            new(LoadWord, 0, 0, 0), // the number of the system call
            new(JumpIfEqual, 2, 0, fsync),
            new(JumpIfEqual, 1, 0, fdatasync),
            new(Return, 0, 0, ReturnAllow),
            new(Return, 0, 0, ReturnErrno | (uint)errno),
        };
        var program = new Program { Length = 5, Code = code };
        if (Control(SetNoNewPrivileges, 1, 0, 0, 0) != 0) throw new Win32Exception(Marshal.GetLastPInvokeError());
        if (SystemCall(seccomp, SetModeFilter, AllThreads, &program) != 0) throw new Win32Exception(Marshal.GetLastPInvokeError());
    }

    [LibraryImport("libc.so.6", EntryPoint = "prctl", SetLastError = true)]
    private static partial int Control(int option, nint a, nint b, nint c, nint d);

    [LibraryImport("libc.so.6", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint SystemCall(nint number, nint operation, nint flags, Program* program);

    private readonly record struct Instruction(ushort Code, byte IfTrue, byte IfFalse, uint Operand);

    private struct Program
    {
        public ushort Length;
        public Instruction* Code;
    }
}
