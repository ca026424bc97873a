using System.Diagnostics;
using System.Runtime.InteropServices;
using KvStore.Core.Io;
using KvStore.Core.Primitives;
using KvStore.Core.Storage.Wal;
using KvStore.Tests.Storage.Wal;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Io;

/// <summary>
/// A failing sync must be seen. The BCL's calls return normally then (.NET 10.0.12), so this is never to be replaced by them:
/// it is proved here with a kernel that refuses, in a process of its own also by a seccomp filter that answers every sync with EIO.
/// </summary>
[TestFixture]
public sealed partial class SyncFailureTests
{
    private const int Einval = 22;
    private const int Eio = 5;

    /// <summary>The kernel has nothing to sync for a pipe and says so: EINVAL.</summary>
    [Test]
    public unsafe void The_result_of_fdatasync_is_checked()
    {
        var ends = stackalloc int[2];
        Pipe(ends).ShouldBe(0);
        using var read = new OsFile(new FileDescriptor(ends[0]), "(pipe)");
        using var write = new OsFile(new FileDescriptor(ends[1]), "(pipe)");
        Should.Throw<DiskException>(write.DataSync).Errno.ShouldBe(Einval);
    }

    [Test]
    public void Failing_syncs_of_files_and_directories_stop_the_log()
    {
        var directory = Directory.CreateTempSubdirectory("kvd-sync-").FullName;
        try
        {
            RunChild(directory, "file").ShouldBe($"fdatasync errno {Eio}");
            RunChild(directory, "directory").ShouldBe($"fsync errno {Eio}");
            RunChild(directory, "log").ShouldBe($"failed fdatasync errno {Eio}, durable 1, later WalFailedException");
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    /// <summary>What the child process does: sync, make all further syncs fail, sync again.</summary>
    [Test]
    [Explicit("Run by Failing_syncs_of_files_and_directories_stop_the_log in a process of its own.")]
    public void Child()
    {
        var directory = Environment.GetEnvironmentVariable("KVD_SYNC_DIRECTORY")!;
        var result = Environment.GetEnvironmentVariable("KVD_SYNC_MODE") switch
        {
            "file" => SyncFile(directory),
            "directory" => SyncDirectory(directory),
            _ => SyncLog(directory),
        };
        File.WriteAllText(Path.Combine(directory, "result"), result);
    }

    private static string SyncFile(string directory)
    {
        using var file = new OsFileSystem().Open(Path.Combine(directory, "data"), FileOpenMode.CreateNew);
        file.Write(0, "x"u8);
        file.DataSync();
        SyncFilter.FailAllSyncs(Eio);
        return Describe(file.DataSync);
    }

    private static string SyncDirectory(string directory)
    {
        new OsFileSystem().SyncDirectory(directory);
        SyncFilter.FailAllSyncs(Eio);
        return Describe(() => new OsFileSystem().SyncDirectory(directory));
    }

    private static string SyncLog(string directory)
    {
        var listener = new WalListenerLog();
        var options = new WalOptions { SegmentBytes = 1 << 20 };
        var identity = new WalIdentity(1, new NodeId(1), 1);
        var scheduler = new ThreadPoolScheduler(e => throw new InvalidOperationException("a lane died", e));
        using var log = WriteAheadLog.Open(new OsFileSystem(), Path.Combine(directory, "wal"), options, identity, new SystemClock(), scheduler, listener, new WalModel()).Log!;
        var buffer = new WalWriteBuffer();
        Submit(log, buffer, 1);
        SpinWait.SpinUntil(() => log.Durable == new Lsn(1) && File.Exists(Path.Combine(directory, "wal", "spare.wal")), TimeSpan.FromSeconds(30)).ShouldBeTrue();
        SyncFilter.FailAllSyncs(Eio);
        Submit(log, buffer, 2);
        SpinWait.SpinUntil(() => listener.Failure is not null, TimeSpan.FromSeconds(30)).ShouldBeTrue();
        var error = (DiskException)listener.Failure!;
        var later = Should.Throw<Exception>(() => Submit(log, buffer, 3));
        return $"failed {error.Call} errno {error.Errno}, durable {log.Durable}, later {later.GetType().Name}";
    }

    private static void Submit(WriteAheadLog log, WalWriteBuffer buffer, ulong index)
    {
        buffer.AddEntry(new PartitionId(1), new Term(1), new LogIndex(index), "data"u8);
        log.Submit(buffer, new WalAddress[1]);
    }

    private static string Describe(Action sync)
    {
        try
        {
            sync();
            return "no error was seen";
        }
        catch (DiskException e)
        {
            return $"{e.Call} errno {e.Errno}";
        }
    }

    private static string RunChild(string parent, string mode)
    {
        var directory = Directory.CreateDirectory(Path.Combine(parent, mode)).FullName;
        var start = new ProcessStartInfo("dotnet", [typeof(SyncFailureTests).Assembly.Location, "--filter", $"FullyQualifiedName={typeof(SyncFailureTests).FullName}.{nameof(Child)}"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment =
            {
                ["KVD_SYNC_DIRECTORY"] = directory,
                ["KVD_SYNC_MODE"] = mode,
            },
        };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit(TimeSpan.FromMinutes(1)).ShouldBeTrue();
        var result = Path.Combine(directory, "result");
        File.Exists(result).ShouldBeTrue($"{output}\n{errors.Result}");
        return File.ReadAllText(result);
    }

    [LibraryImport("libc.so.6", EntryPoint = "pipe")]
    private static unsafe partial int Pipe(int* ends);
}
