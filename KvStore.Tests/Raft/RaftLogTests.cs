using KvStore.Core.Primitives;
using KvStore.Core.Raft;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Raft;

/// <summary>The log's metadata against a plain list, under random appends, cuts and compactions.</summary>
public sealed class RaftLogTests
{
    [Test]
    public void Equals_a_plain_list([Range(1, 50)] int seed)
    {
        var random = new Prng((ulong)seed);
        var log = new RaftLog(new LogIndex(7), new Term(2));
        var model = new List<EntryMeta>();
        var (start, startTerm, term) = (new LogIndex(7), new Term(2), new Term(2));
        for (var step = 0; step < 400; step++)
        {
            var last = start + (ulong)model.Count;
            var some = start + (ulong)random.Next(model.Count + 1);
            switch (random.Next(10))
            {
                case 0 when model.Count > 0:
                    log.TruncateFrom(some.Next);
                    for (var cut = some.Next; cut <= last; cut = cut.Next) log.CutTermAt(cut).ShouldBe(model[(int)(cut - start) - 1].Term);
                    model.RemoveRange((int)(some - start), (int)(last - some));
                    break;
                case 1:
                    log.CompactThrough(some);
                    if (some > start) startTerm = model[(int)(some - start) - 1].Term;
                    model.RemoveRange(0, (int)(some - start));
                    start = some;
                    break;
                default:
                    if (random.Chance(1, 6)) term = term.Next;
                    var entry = new EntryMeta(term, random.Next(100), random.Chance(1, 20));
                    log.Append(entry.Term, entry.Size, entry.IsConfiguration).ShouldBe(last.Next);
                    model.Add(entry);
                    break;
            }

            Compare(log, model, start, startTerm);
        }
    }

    [Test]
    public void Asking_outside_the_log_is_a_bug_of_the_asker()
    {
        var log = new RaftLog(new LogIndex(3), new Term(1));
        log.Append(new Term(1), 5);
        Should.Throw<InvariantException>(() => log.TermAt(new LogIndex(2)));
        Should.Throw<InvariantException>(() => log.TermAt(new LogIndex(5)));
        Should.Throw<InvariantException>(() => log.SizeAt(new LogIndex(3)));
        Should.Throw<InvariantException>(() => log.Append(Term.Zero, 5));
        Should.Throw<InvariantException>(() => log.CompactThrough(new LogIndex(5)));
    }

    private static void Compare(RaftLog log, List<EntryMeta> model, LogIndex start, Term startTerm)
    {
        log.SnapshotIndex.ShouldBe(start);
        log.TermAt(start).ShouldBe(startTerm);
        log.LastIndex.ShouldBe(start + (ulong)model.Count);
        log.LastTerm.ShouldBe(model.Count == 0 ? startTerm : model[^1].Term);
        for (var i = 0; i < model.Count; i++)
        {
            var index = start + (ulong)i + 1;
            if (log.TermAt(index) != model[i].Term || log.SizeAt(index) != model[i].Size) Assert.Fail($"entry {index}");
        }

        var configuration = model.FindLastIndex(e => e.IsConfiguration);
        log.LastConfiguration.ShouldBe(configuration < 0 ? LogIndex.Zero : start + (ulong)configuration + 1);
        var bound = new Term(startTerm.Value + 2);
        var found = model.FindLastIndex(e => e.Term <= bound);
        log.LastAtOrBelow(log.LastIndex, bound).ShouldBe(start + (ulong)(found + 1));
    }
}
