using System.Text;
using KvStore.Core.Io;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Io;

[TestFixture]
public sealed class OsFileSystemTests
{
    private readonly OsFileSystem _fileSystem = new();
    private string _directory = "";

    [SetUp]
    public void CreateDirectory() => _directory = Directory.CreateTempSubdirectory("kvd-io-").FullName;

    [TearDown]
    public void DeleteDirectory() => Directory.Delete(_directory, recursive: true);

    [Test]
    public void Writes_read_back()
    {
        using var file = _fileSystem.Open(At("a"), FileOpenMode.CreateNew);
        file.Write(10, "hello"u8);
        file.WriteVectored(15, [Encoding.ASCII.GetBytes(" "), ReadOnlyMemory<byte>.Empty, Encoding.ASCII.GetBytes("world")]);
        file.DataSync();
        file.Length.ShouldBe(21);
        var buffer = new byte[30];
        file.Read(10, buffer).ShouldBe(11);
        Encoding.ASCII.GetString(buffer, 0, 11).ShouldBe("hello world");
        file.Read(21, buffer).ShouldBe(0);
        file.Read(100, buffer).ShouldBe(0);
        file.Allocate(8192);
        file.Length.ShouldBe(8192);
        file.Truncate(12);
        file.Length.ShouldBe(12);
    }

    [Test]
    public void A_read_that_may_not_wait_tells_the_same_or_nothing()
    {
        using var file = _fileSystem.Open(At("a"), FileOpenMode.CreateNew);
        var written = Enumerable.Range(0, 20_000).Select(i => (byte)(i * 7)).ToArray();
        file.Write(0, written);
        var buffer = new byte[10_000];
        foreach (var offset in new[] { 0, 1, 4_096, 9_999, 10_000 })
        {
            Array.Clear(buffer);
            if (file.TryReadNow(offset, buffer)) buffer.ShouldBe(written[offset..(offset + buffer.Length)]);
        }

        file.TryReadNow(10_001, buffer).ShouldBeFalse("the file ends before");
        file.TryReadNow(30_000, buffer).ShouldBeFalse();
    }

    [Test]
    public void More_buffers_than_one_call_takes_are_all_written()
    {
        using var file = _fileSystem.Open(At("a"), FileOpenMode.CreateNew);
        var buffers = Enumerable.Range(0, 3000).Select(i => new ReadOnlyMemory<byte>(BitConverter.GetBytes(i))).ToArray();
        file.WriteVectored(0, buffers);
        var content = new byte[12_000];
        file.Read(0, content).ShouldBe(12_000);
        for (var i = 0; i < 3000; i++) BitConverter.ToInt32(content, 4 * i).ShouldBe(i);
    }

    [Test]
    public void Open_modes_are_kept()
    {
        Errno(() => _fileSystem.Open(At("none"), FileOpenMode.Read)).ShouldBe(2);
        Errno(() => _fileSystem.Open(At("none"), FileOpenMode.ReadWrite)).ShouldBe(2);
        _fileSystem.Open(At("a"), FileOpenMode.CreateNew).Dispose();
        Errno(() => _fileSystem.Open(At("a"), FileOpenMode.CreateNew)).ShouldBe(17);
        using var file = _fileSystem.Open(At("a"), FileOpenMode.Read);
        Errno(() => file.Write(0, "x"u8)).ShouldBe(9);
    }

    [Test]
    public void Names_change_and_are_listed_in_order()
    {
        foreach (var name in new[] { "b", "B", "a" }) _fileSystem.Open(At(name), FileOpenMode.CreateNew).Dispose();
        _fileSystem.CreateDirectory(At("sub/deep"));
        _fileSystem.CreateDirectory(At("sub/deep"));
        _fileSystem.Rename(At("a"), At("c"));
        _fileSystem.SyncDirectory(_directory);
        _fileSystem.List(_directory).ShouldBe(["B", "b", "c"]);
        _fileSystem.List(At("nowhere")).ShouldBeEmpty();
        _fileSystem.Delete(At("c"));
        _fileSystem.FileExists(At("c")).ShouldBeFalse();
        _fileSystem.FileExists(At("b")).ShouldBeTrue();
        Errno(() => _fileSystem.Delete(At("c"))).ShouldBe(2);
        Errno(() => _fileSystem.Rename(At("c"), At("d"))).ShouldBe(2);
        Errno(() => _fileSystem.SyncDirectory(At("nowhere"))).ShouldBe(2);
        _fileSystem.FreeBytes(_directory).ShouldBeGreaterThan(0);
    }

    [Test]
    public void A_lock_is_held_once()
    {
        var held = _fileSystem.Lock(At("lock"));
        Errno(() => _fileSystem.Lock(At("lock"))).ShouldBe(11);
        held.Dispose();
        _fileSystem.Lock(At("lock")).Dispose();
    }

    [Test]
    public void A_full_device_is_reported_as_full()
    {
        using var full = _fileSystem.Open("/dev/full", FileOpenMode.ReadWrite);
        var error = Should.Throw<DiskException>(() => full.Write(0, "x"u8));
        error.IsDiskFull.ShouldBeTrue();
        error.Message.ShouldContain("/dev/full");
        error.Message.ShouldContain("No space left on device");
    }

    private static int Errno(Action action) => Should.Throw<DiskException>(action).Errno;

    private string At(string name) => Path.Combine(_directory, name);
}
