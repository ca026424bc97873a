using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Storage.Faults;

/// <summary>
/// Every place in the product that calls the disk is reached and made to fail, with EIO and with ENOSPC, the first time it is reached, the last,
/// and in between. The failure is told or is one of the harmless ones; then the power goes off, and everything that was promised is there.
/// </summary>
public sealed class EveryCallFailsTests
{
    private const int Eio = 5;
    private const int NoSpace = 28;

    /// <summary>A file that no manifest names is deleted at the next start; edits are durable without the mark behind them; what is not read now is read later.</summary>
    private static readonly string[] Harmless =
    [
        "TableFile.Retire FileExists", "TableFile.Retire Delete", "TableWriter.Dispose Delete", "TableSequence.Abandon Delete", "ManifestLog.SyncMark DataSync",
        "TableReader.Load TryReadNow",
    ];

    /// <summary>Reserves that come when there is space again, and tables that are written again then.</summary>
    private static readonly string[] HarmlessWithoutSpace =
    [
        "ManifestLog.Reserve Allocate", "Ballast.Restore Open", "Ballast.Restore Allocate", "TableWriter.ctor Open", "TableWriter.FlushBuffer Write", "TableWriter.GiveName Rename",
        "LogOpening.Allocate Allocate", "StartReserve.Renew Open", "StartReserve.Renew Allocate", "SegmentSupply.TryFill FreeBytes", "SegmentSupply.TryFill Open", "SegmentSupply.FillWithZeros Allocate", "SegmentSupply.FillWithZeros Write", "SegmentSupply.FillWithZeros DataSync",
    ];

    [Test]
    public void The_works_reach_every_call_of_the_disk()
    {
        var reached = Recordings.All.SelectMany(sites => sites).ToHashSet();
        var inCode = IoCallSites.InCode.Select(site => site.ToString()).ToList();
        inCode.Count.ShouldBeGreaterThan(100);
        TestContext.Out.WriteLine($"{inCode.Count} sites, {Recordings.All.Sum(sites => sites.Count)} calls");
        inCode.Where(site => !reached.Contains(site)).ShouldBeEmpty();
    }

    [TestCase(Eio)]
    [TestCase(NoSpace)]
    public void Small_files(int errno) => FailEverySite(Recordings.SmallFiles, errno, call => new SmallFileWork { FailingCall = call, Errno = errno });

    [TestCase(Eio)]
    public void Inspection(int errno) => FailEverySite(Recordings.Inspection, errno, call => new InspectionWork { FailingCall = call, Errno = errno });

    [TestCase(Eio)]
    [TestCase(NoSpace)]
    public void Engine(int errno) => FailEverySite(Recordings.Engine, errno, call => new EngineWork { FailingCall = call, Errno = errno });

    [TestCase(Eio)]
    [TestCase(NoSpace)]
    public void Wal(int errno) => FailEverySite(Recordings.Wal, errno, call => new WalWork { FailingCall = call, Errno = errno }, 8);

    private static void FailEverySite(IReadOnlyList<string> sites, int errno, Func<int, FaultWork> workWith, int mostPerSite = 3)
    {
        var calls = sites.Select((site, i) => (Site: site, Call: i + 1)).Where(entry => entry.Site.Length > 0).GroupBy(entry => entry.Site, entry => entry.Call).ToList();
        var runs = 0;
        foreach (var site in calls)
        {
            var all = site.ToList();
            foreach (var call in Enumerable.Range(0, mostPerSite).Select(i => all[(all.Count - 1) * i / (mostPerSite - 1)]).Distinct())
            {
                var what = $"call {call}, {site.Key}, errno {errno}";
                try
                {
                    using var work = workWith(call);
                    work.Run();
                    runs++;
                    if (work.Told.Count == 0) IsHarmless(site.Key, errno).ShouldBeTrue("nobody was told");
                    work.CheckAfterPowerCut();
                }
                catch (Exception e)
                {
                    throw new AssertionException($"{what}: {e}", e);
                }
            }
        }

        TestContext.Out.WriteLine($"{calls.Count} sites, {runs} failures");
    }

    private static bool IsHarmless(string site, int errno)
    {
        var name = site[..site.IndexOf('(')].TrimEnd();
        return Harmless.Contains(name) || (errno == NoSpace && HarmlessWithoutSpace.Contains(name));
    }

    private static class Recordings
    {
        public static readonly IReadOnlyList<string> SmallFiles = FreshContext.Record<SmallFileWork>();
        public static readonly IReadOnlyList<string> Inspection = FreshContext.Record<InspectionWork>();
        public static readonly IReadOnlyList<string> Engine = FreshContext.Record<EngineWork>();
        public static readonly IReadOnlyList<string> Wal = FreshContext.Record<WalWork>();

        public static IEnumerable<IReadOnlyList<string>> All => [SmallFiles, Inspection, Engine, Wal];
    }
}
