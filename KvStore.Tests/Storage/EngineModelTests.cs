using System.Buffers;
using KvStore.Core.Primitives;
using KvStore.Core.Storage;
using KvStore.Tests.Simulation;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Storage;

/// <summary>Random work on an engine beside a model that remembers every entry, with crashes, reopening, snapshots and drops.</summary>
public sealed class EngineModelTests
{
    private static int Seeds => int.TryParse(Environment.GetEnvironmentVariable("KVD_STORAGE_SEEDS"), out var seeds) ? seeds : 40;

    [Test]
    public void Random_work_agrees_with_the_model() => ForEachSeed((seed, tally) => Work(seed, crashes: false, 400, tally));

    [Test]
    public void After_a_power_cut_everything_durable_is_there_and_nothing_else() => ForEachSeed((seed, tally) => Work(seed, crashes: true, 300, tally));

    /// <summary>What all runs together did: a model test that never gets to the interesting parts proves nothing.</summary>
    private sealed class Tally
    {
        public long Flushes { get; set; }

        public long Compactions { get; set; }

        public long Crashes { get; set; }

        public long Installs { get; set; }

        public long Drops { get; set; }
    }

    private static void Work(ulong seed, bool crashes, int steps, Tally tally)
    {
        using var run = new Run(seed, crashes, tally);
        run.Work(steps);
    }

    private static void ForEachSeed(Action<ulong, Tally> run)
    {
        var tally = new Tally();
        var first = ulong.TryParse(Environment.GetEnvironmentVariable("KVD_STORAGE_SEED"), out var given) ? given : 1;
        for (var seed = first; seed < first + (ulong)Seeds; seed++)
        {
            try
            {
                run(seed, tally);
            }
            catch (Exception e)
            {
                throw new AssertionException($"seed {seed}: {e.Message}", e);
            }
        }

        TestContext.Out.WriteLine(
            $"{tally.Flushes} flushes, {tally.Compactions} compactions, {tally.Crashes} crashes, {tally.Installs} installs, {tally.Drops} drops");
        tally.Flushes.ShouldBeGreaterThan(0);
        tally.Compactions.ShouldBeGreaterThan(0);
        tally.Installs.ShouldBeGreaterThan(0);
        tally.Drops.ShouldBeGreaterThan(0);
    }

    private sealed class Run(ulong seed, bool crashes, Tally tally) : IDisposable
    {
        private readonly Prng _random = new(seed);
        private readonly SortedDictionary<PartitionId, EngineModel> _models = [];
        private readonly List<(PartitionExport Export, EngineModel Model, ulong Index)> _exports = [];
        private SimEngine _sim = new(seed);

        public void Work(int steps)
        {
            for (ushort id = 0; id < 3; id++) Create(new PartitionId(id));
            for (var step = 0; step < steps; step++)
            {
                try
                {
                    if (crashes && _random.Chance(1, 40)) _sim.Disk.PowerCutAtStep = _sim.Disk.Steps + 1 + _random.Next(60);
                    Step();
                }
                catch (PowerCutException)
                {
                    Crash();
                }
            }

            _sim.Disk.PowerCutAtStep = 0;
            EndExports();
            _sim.Scheduler.RunUntilIdle();
            CheckAll();
            NoteDurable();
        }

        public void Dispose() => _sim.Dispose();

        private EngineModel AnyModel() => _models.Values.ElementAt(_random.Next(_models.Count));

        private PartitionStore Store(EngineModel model) => _sim.Engine.Find(model.Id).ShouldNotBeNull();

        private void Step()
        {
            var model = AnyModel();
            switch (_random.Next(100))
            {
                case < 45:
                    for (var count = _random.Next(1, 12); count > 0; count--) model.Apply(Store(model), _random);
                    break;
                case < 65:
                    for (var count = _random.Next(1, 8); count > 0 && _sim.Scheduler.RunOne(); count--)
                    {
                    }

                    break;
                case < 72:
                    model.CheckGet(Store(model), $"key-{_random.Next(60):D3}");
                    break;
                case < 78:
                    model.CheckScan(Store(model), $"key-{_random.Next(60):D3}", _random.Chance(1, 3) ? "" : $"key-{_random.Next(60):D3}");
                    break;
                case < 82:
                    model.CheckAll(Store(model));
                    break;
                case < 86:
                    _sim.Engine.RequestFlush(_random.Chance(1, 3) ? model.Id : null);
                    break;
                case < 88:
                    _sim.Engine.FlushAll();
                    foreach (var other in _models.Values) Store(other).Durable.Index.Value.ShouldBe(other.Last);
                    break;
                case < 91:
                    _exports.Add((Store(model).BeginExport(), model, model.Last));
                    break;
                case < 95:
                    if (_exports.Count > 0) ReadExport(_random.Next(_exports.Count));
                    break;
                case < 97:
                    Reopen();
                    break;
                case < 98:
                    Drop(model);
                    break;
                default:
                    CheckDurable();
                    break;
            }
        }

        private void Create(PartitionId id)
        {
            var model = new EngineModel(id);
            _models[id] = model;
            _sim.Engine.CreatePartition(id, System.Text.Encoding.UTF8.GetBytes(model.ConfigurationAt(0)));
        }

        private void Drop(EngineModel model)
        {
            foreach (var export in _exports.Where(export => export.Model == model)) export.Export.Dispose();
            _exports.RemoveAll(export => export.Model == model);
            tally.Drops++;
            _models.Remove(model.Id);
            _dropping = model.Id;
            _sim.Engine.DropPartition(model.Id);
            _sim.Listener.Flushed.Remove(model.Id);
            Create(model.Id);
            _dropping = null;
        }

        // The partition whose drop or creation the power cut may have interrupted.
        private PartitionId? _dropping;

        /// <summary>An export is what the partition was when it began, whatever happened since; every other one is put in the place of another partition's data.</summary>
        private void ReadExport(int position)
        {
            var (export, model, index) = _exports[position];
            _exports.RemoveAt(position);
            export.State.ShouldBe(Records.State(index) with { Term = new Term(index == 0 ? 0ul : 1), LogTime = index == 0 ? 0 : Records.State(index).LogTime });
            var target = AnyModel();
            var ingest = target.Last < index && target != model ? Store(target).BeginIngest(export.State, export.Configuration) : null;
            var chunk = new ArrayBufferWriter<byte>();
            var records = 0;
            for (var more = true; more;)
            {
                chunk.ResetWrittenCount();
                more = export.Read(chunk, 2_000);
                records += CountRecords(chunk.WrittenSpan);
                ingest?.Write(chunk.WrittenSpan);
            }

            export.Dispose();
            records.ShouldBe(model.StateAt(index).Count);
            if (ingest is null) return;
            _exports.Where(other => other.Model == target).ToList().ForEach(other => other.Export.Dispose());
            _exports.RemoveAll(other => other.Model == target);
            _installing = (target, model, index);
            ingest.Install();
            tally.Installs++;
            target.BecomeCopyOf(model, index);
            _installing = null;
            target.CheckAll(Store(target));
        }

        // A snapshot whose installation the power cut may have interrupted.
        private (EngineModel Target, EngineModel Source, ulong Index)? _installing;

        private static int CountRecords(ReadOnlySpan<byte> chunk)
        {
            var count = 0;
            for (var at = SnapshotChunk.HeaderBytes; at < chunk.Length; count++) SnapshotChunk.ReadRecord(chunk, ref at);
            return count;
        }

        private void Reopen()
        {
            EndExports();
            NoteDurable();
            _sim.Dispose();
            _sim = new SimEngine(_random.NextUInt64(), _sim.Disk);
            Recover();
        }

        private void Crash()
        {
            _exports.Clear();
            tally.Crashes++;
            NoteDurable();
            var disk = _sim.Disk.Crash();
            while (_random.Chance(1, 3)) disk = CrashWhileOpening(disk);
            _sim = new SimEngine(_random.NextUInt64(), disk);
            if (_dropping is { } id)
            {
                // Whether the drop or the creation took place is not known: do it again.
                _dropping = null;
                _sim.Engine.DropPartition(id);
                Create(id);
            }

            if (_installing is { } install && Store(install.Target).Applied.Index.Value == install.Index) install.Target.BecomeCopyOf(install.Source, install.Index);
            _installing = null;
            Recover();
        }

        private SimDisk CrashWhileOpening(SimDisk disk)
        {
            disk.PowerCutAtStep = disk.Steps + 1 + _random.Next(25);
            try
            {
                using var opened = new SimEngine(_random.NextUInt64(), disk);
                opened.Scheduler.RunUntilIdle();
            }
            catch (PowerCutException)
            {
                tally.Crashes++;
            }

            return disk.Crash();
        }

        private void NoteDurable()
        {
            var statistics = _sim.Engine.ReadStatistics();
            tally.Flushes += statistics.Flushes;
            tally.Compactions += statistics.Compactions;
            foreach (var (id, state) in _sim.Listener.Flushed)
                if (_models.TryGetValue(id, out var model)) model.Durable = Math.Max(model.Durable, state.Index.Value);
        }

        private void Recover()
        {
            foreach (var model in _models.Values)
            {
                var store = Store(model);
                store.Durable.ShouldBe(store.Applied);
                store.Applied.Index.Value.ShouldBeGreaterThanOrEqualTo(model.Durable);
                model.CheckAll(store);
                model.ReplayRest(store);
                model.CheckAll(store);
            }
        }

        private void CheckDurable()
        {
            foreach (var model in _models.Values)
            {
                var durable = Store(model).Durable.Index.Value;
                if (_sim.Listener.Flushed.TryGetValue(model.Id, out var reported)) durable.ShouldBe(reported.Index.Value);
            }
        }

        private void CheckAll()
        {
            _sim.Listener.Failures.ShouldBeEmpty();
            _sim.Listener.Corruptions.ShouldBeEmpty();
            foreach (var model in _models.Values) model.CheckAll(Store(model));
        }

        private void EndExports()
        {
            foreach (var export in _exports) export.Export.Dispose();
            _exports.Clear();
        }
    }
}
