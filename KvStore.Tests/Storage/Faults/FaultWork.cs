using KvStore.Tests.Simulation;

namespace KvStore.Tests.Storage.Faults;

/// <summary>A fixed piece of work on a simulated disk, one call of which can be made to fail, and what must hold afterwards.</summary>
internal abstract class FaultWork : IDisposable
{
    private readonly List<string> _sites = [];
    private bool _isRecording;
    private int _calls;

    /// <summary>The call that fails, from 1; 0 for none.</summary>
    public int FailingCall { get; init; }

    public int Errno { get; init; }

    /// <summary>Where each call came from, in their order; empty for a call of the test itself.</summary>
    public IReadOnlyList<string> Sites => _sites;

    /// <summary>What anybody was told of the failure: callers by exceptions, the node by its listeners.</summary>
    public List<Exception> Told { get; } = [];

    protected SimDisk Disk { get; set; } = new(7) { CapacityBytes = 64 << 20, HoldsPages = true };

    /// <summary>Notes the sites instead of failing.</summary>
    public IReadOnlyList<string> Record()
    {
        _isRecording = true;
        Run();
        if (Told.Count > 0) throw new InvalidOperationException($"the work fails by itself: {Told[0].Message}", Told[0]);
        return _sites;
    }

    /// <summary>Works until the end or until the failure stops the work.</summary>
    public void Run()
    {
        Disk.Fault = OnCall;
        try
        {
            Work();
        }
        catch (Exception e) when (e is IOException or InvalidOperationException or ObjectDisposedException)
        {
            Told.Add(e);
        }

        Disk.Fault = null;
        NoteReports();
    }

    /// <summary>The power goes off where the work stopped: whatever was said to be durable is there, and the rest of the work can be done.</summary>
    public abstract void CheckAfterPowerCut();

    /// <summary>Puts away what was not closed; nothing reaches the disk any more.</summary>
    public virtual void Dispose() => Disk.SwitchOff();

    protected abstract void Work();

    /// <summary>Adds what listeners heard to <see cref="Told"/>.</summary>
    protected abstract void NoteReports();

    /// <summary>Failures that belong to the work itself.</summary>
    protected virtual int ScriptedFault(DiskCall call, string path) => 0;

    private int OnCall(DiskCall call, long number, string path)
    {
        _calls++;
        if (_isRecording) _sites.Add(IoCallSites.Current(call)?.ToString() ?? "");
        return _calls == FailingCall ? Errno : ScriptedFault(call, path);
    }
}
