using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using NUnit.Framework;

namespace KvStore.Tests.Processes;

/// <summary>The AOT binary that `./build.sh build` made; tests of real processes are refused, not skipped, without it.</summary>
internal static class KvdBinary
{
    // Below those of /proc/sys/net/ipv4/ip_local_port_range, which begin at 32768.
    private const int LeastPort = 20_000;
    private const int MostPort = 32_000;

    // Test runs beside each other begin elsewhere.
    private static int _ports = Environment.ProcessId * 251;

    public static string Path { get; } = Find();

    public static string Ctl { get; } = System.IO.Path.Combine(System.IO.Path.GetDirectoryName(Path)!, "kvctl");

    /// <summary>
    /// A port of the loopback interface that nobody listens on now, and that this process has not been given before: a node takes it later, and
    /// takes it again after a kill. So it is none of those that the kernel gives to whoever connects or asks for any: by then it could have
    /// given it away.
    /// </summary>
    public static int FreePort()
    {
        for (var tries = 0; tries < MostPort - LeastPort; tries++)
        {
            var port = LeastPort + (int)((uint)Interlocked.Increment(ref _ports) % (MostPort - LeastPort));
            using var listener = new TcpListener(IPAddress.Loopback, port);
            try
            {
                listener.Start();
                return port;
            }
            catch (SocketException)
            {
                // Somebody has it.
            }
        }

        throw new InvalidOperationException($"no port from {LeastPort} to {MostPort} is free");
    }

    private static string Find()
    {
        if (Environment.GetEnvironmentVariable("KVD_BINARY") is { Length: > 0 } named) return named;
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            var candidate = System.IO.Path.Combine(directory.FullName, "out", "kvd");
            if (File.Exists(candidate)) return candidate;
        }

        throw new InvalidOperationException("no out/kvd: run ./build.sh build first, or set KVD_BINARY");
    }
}

/// <summary>What one run of kvctl said.</summary>
internal sealed record CtlResult(int ExitCode, string Out, string Error)
{
    public JsonElement Json
    {
        get
        {
            using var document = JsonDocument.Parse(Out);
            return document.RootElement.Clone();
        }
    }

    public override string ToString() => $"exit {ExitCode}\nstdout: {Out}\nstderr: {Error}";
}

/// <summary>Runs the real kvctl.</summary>
internal static class Kvctl
{
    public static CtlResult Run(string endpoints, params string[] arguments) => RunWithInput(endpoints, null, arguments);

    public static CtlResult RunWithInput(string endpoints, byte[]? input, params string[] arguments)
    {
        var start = new ProcessStartInfo(KvdBinary.Ctl)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            StandardOutputEncoding = Encoding.UTF8,
        };
        start.Environment["KVCTL_ENDPOINTS"] = endpoints;
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        if (input is not null) process.StandardInput.BaseStream.Write(input);
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEnd();
        if (!process.WaitForExit(60_000))
        {
            process.Kill();
            Assert.Fail($"kvctl {string.Join(' ', arguments)} did not end within 60 s");
        }

        return new CtlResult(process.ExitCode, output, error.Result);
    }
}
