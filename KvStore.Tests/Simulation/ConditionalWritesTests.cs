using System.Globalization;
using System.Text;
using KvStore.Core.Primitives;
using KvStore.Protocol.Messages;
using KvStore.Tests.Simulation.Checkers;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Simulation;

/// <summary>
/// Clients race with conditional writes on few keys, while everything is flushed all the time, the disks do not answer for a while now
/// and then, and one replica's tables are damaged. What the clients saw must be linearizable, and the replicas equal in the end.
/// </summary>
[TestFixture]
internal sealed class ConditionalWritesTests
{
    private const long Millisecond = 1_000_000;
    private const int Clients = 6;
    private const int Operations = 800;

    [Test]
    public void Are_linearizable_over_slow_and_damaged_disks([Range(1, 20)] int seed)
    {
        using var story = new Story((ulong)seed);
        story.Run();
    }

    private sealed class Story(ulong seed) : IDisposable
    {
        private readonly Prng _random = new(seed);
        private readonly SimCluster _cluster = new(seed, blockCacheBytes: seed % 2 == 0 ? 0 : 8 << 20);
        private readonly HistoryRecorder _history = new();
        private readonly Dictionary<string, (WireRevision Revision, string Text)> _seen = [];
        private readonly SimReply?[] _waiting = new SimReply?[Clients];
        private readonly RegisterOperation[] _asked = new RegisterOperation[Clients];
        private int _sent;

        public void Run()
        {
            _cluster.World.RunUntil(_cluster.EveryPartitionIsLed, 5_000 * Millisecond).ShouldBeTrue();
            var victim = 1 + _random.Next(3);
            while (_sent < Operations || _waiting.Any(w => w is not null))
            {
                for (var client = 0; client < Clients; client++) Turn(client);
                if (_random.Chance(1, 12)) Flush();
                if (_random.Chance(1, 40)) HoldADisk();
                if (_sent > Operations / 4 && _random.Chance(1, 150)) Damage(victim);
                _cluster.World.RunFor(_random.Next(1, 10) * Millisecond);
            }

            Trouble().ShouldBeEmpty(Timeline());
            LinearizabilityChecker.Check(_history.Operations).ToString().ShouldBe(LinearizabilityResult.Linearizable.ToString(), Timeline());
            for (var node = 1; node <= 3; node++) _cluster.SchedulerOf(node).IsHeld = _ => false;
            _cluster.World.RunUntil(AreEqual, 60_000 * Millisecond).ShouldBeTrue(Timeline());
            var (halts, rebuilds) = (_cluster.Running.Sum(n => n.Counters.PartitionHalts), _cluster.Running.Sum(n => n.Counters.SnapshotsInstalled));
            rebuilds.ShouldBe(halts, Timeline());
            TestContext.Out.WriteLine(
                $"{Count(RegisterOutcome.Ok)} successes, {Count(RegisterOutcome.ConditionFailed)} conditions failed, {Count(RegisterOutcome.Unknown)} unknown, {halts} halts");
        }

        public void Dispose() => _cluster.Dispose();

        private int Count(RegisterOutcome outcome) => _history.Operations.Count(o => o.Outcome == outcome);

        private void Turn(int client)
        {
            if (_waiting[client] is not { } reply)
            {
                if (_sent < Operations && _random.Chance(1, 3)) Ask(client);
                return;
            }

            if (!reply.IsDone) return;
            _waiting[client] = null;
            Record(client, reply);
        }

        private void Ask(int client)
        {
            _sent++;
            var node = 1 + _random.Next(3);
            var key = $"k{_random.Next(6)}";
            var value = _sent.ToString(CultureInfo.InvariantCulture);
            var known = _seen.GetValueOrDefault(key);
            var operation = new RegisterOperation
            {
                Client = client,
                Key = key,
                Action = RegisterAction.Get,
                Outcome = RegisterOutcome.Unknown,
                InvokedAt = _history.Tick(),
            };
            switch (_random.Next(known.Text is null ? 4 : 8))
            {
                case 0:
                    _waiting[client] = _cluster.Get(node, key);
                    break;
                case 1:
                    operation = operation with { Action = RegisterAction.PutIfAbsent, Value = value };
                    _waiting[client] = _cluster.Put(node, key, value, condition: WriteCondition.IfAbsent);
                    break;
                case 2:
                    operation = operation with { Action = RegisterAction.Put, Value = value };
                    _waiting[client] = _cluster.Put(node, key, value);
                    break;
                case 3:
                    operation = operation with { Action = RegisterAction.Delete };
                    _waiting[client] = _cluster.Delete(node, key);
                    break;
                case 4:
                    operation = operation with { Action = RegisterAction.DeleteIfVersion, Expected = known.Text };
                    _waiting[client] = _cluster.Delete(node, key, condition: WriteCondition.IfRevision(known.Revision));
                    break;
                default:
                    operation = operation with { Action = RegisterAction.PutIfVersion, Expected = known.Text, Value = value };
                    _waiting[client] = _cluster.Put(node, key, value, condition: WriteCondition.IfRevision(known.Revision));
                    break;
            }

            _asked[client] = operation;
        }

        private void Record(int client, SimReply reply)
        {
            var operation = _asked[client] with { ReturnedAt = _history.Tick() };
            if (reply.Error is { } error)
            {
                // A read has no effect, and what was surely not applied has none.
                if (error.Code == KvError.ConditionFailed)
                {
                    var current = error.CurrentRevision is { } met && !met.IsNone ? Text(operation.Key, met) : null;
                    _history.Record(operation with { Outcome = RegisterOutcome.ConditionFailed, Revision = current });
                }
                else if (error.Outcome == Outcome.Unknown) _history.Record(operation with { Outcome = RegisterOutcome.Unknown });
                return;
            }

            operation = operation with { Outcome = RegisterOutcome.Ok };
            if (operation.Action == RegisterAction.Get)
            {
                var read = GetReply.DecodeSingle(reply.Body);
                _history.Record(operation with
                {
                    Value = read.Found ? Encoding.UTF8.GetString(read.Value.Span) : null,
                    Revision = read.Found ? Text(operation.Key, read.Revision) : null,
                });
                return;
            }

            var isDelete = operation.Action is RegisterAction.Delete or RegisterAction.DeleteIfVersion;
            _history.Record(operation with
            {
                Revision = isDelete ? null : Text(operation.Key, reply.Written.Revision),
                Existed = isDelete ? reply.Written.Existed : null,
            });
        }

        private string Text(string key, WireRevision revision)
        {
            var text = revision.ToString();
            _seen[key] = (revision, text);
            return text;
        }

        private void Flush()
        {
            foreach (var node in _cluster.Running) node.Storage.RequestFlush();
        }

        private void HoldADisk()
        {
            var scheduler = _cluster.SchedulerOf(1 + _random.Next(3));
            scheduler.IsHeld = name => name.StartsWith("cold-reads", StringComparison.Ordinal);
            _cluster.World.After(_random.Next(10, 800) * Millisecond, () => scheduler.IsHeld = _ => false);
        }

        /// <summary>In the first block of each table, where the few keys are.</summary>
        private void Damage(int node)
        {
            var disk = _cluster.DiskOf(node);
            foreach (var name in disk.List("/data/store").Where(name => name.EndsWith(".sst", StringComparison.Ordinal)))
                disk.FlipBit($"/data/store/{name}", _random.Next(60), _random.Next(8));
        }

        /// <summary>A replica that has met damage outside of apply alone is not rebuilt: then it cannot be compared, and needs not be.</summary>
        private bool AreEqual()
        {
            if (_cluster.Running.Any(node => node.HaltedCount > 0)) return false;
            for (var i = 0; i < _cluster.Topology.PartitionCount; i++)
            {
                var states = new HashSet<string>();
                foreach (var node in _cluster.Running)
                {
                    try
                    {
                        states.Add(Storage.Records.Dump(node.StoreOf(new PartitionId((ushort)i))!));
                    }
                    catch (Core.Io.CorruptionException)
                    {
                    }
                }

                if (states.Count != 1) return false;
            }

            return true;
        }

        private IEnumerable<string> Trouble() => _cluster.Timeline.Where(line => line.Contains("fatal", StringComparison.Ordinal));

        private string Timeline() => $"seed {seed}\n{string.Join('\n', _cluster.Timeline)}";
    }
}
