using KvStore.Core.Primitives;

namespace KvStore.Core.Ring;

/// <summary>
/// Gives every item a fixed number of nodes so that each node's load stays between its floor and its cap, changing as little
/// as possible of what is there already. Consistent hashing with bounded loads (Mirrokni, Thorup and Zadimoghaddam, 2016)
/// says who is asked first; where asking in turn gets stuck, a shortest augmenting path (Ford and Fulkerson, 1956) finds the
/// exchange that helps, so that bounds which can be met are met.
/// </summary>
internal abstract class BoundedAssignment
{
    protected const int Vacant = -1;

    private readonly int _slotsPerItem;
    private readonly int[] _slots;
    private readonly int[] _loads;
    private readonly int[] _floors;
    private readonly int[] _caps;
    private readonly FairShare[] _shares;

    protected BoundedAssignment(int itemCount, int slotsPerItem, FairShare[] shares, int[] floors, int[] caps)
    {
        ItemCount = itemCount;
        _slotsPerItem = slotsPerItem;
        _slots = new int[itemCount * slotsPerItem];
        Array.Fill(_slots, Vacant);
        _loads = new int[shares.Length];
        _shares = shares;
        _floors = floors;
        _caps = caps;
    }

    protected int ItemCount { get; }

    /// <summary>The nodes that an item has, <see cref="Vacant"/> where it has none yet.</summary>
    public ReadOnlySpan<int> NodesOf(int item) => _slots.AsSpan(item * _slotsPerItem, _slotsPerItem);

    /// <summary>Whether an item may have a node once it has lost another (<see cref="Vacant"/>: without losing one).</summary>
    protected abstract bool Fits(int item, int node, int leaving);

    /// <summary>The nodes an item may have, those it would rather have first.</summary>
    protected abstract ReadOnlySpan<int> Wishes(int item);

    /// <summary>The place of a node among the wishes of an item.</summary>
    protected abstract int RankOf(int item, int node);

    protected void Put(int item, int slot, int node)
    {
        ref var place = ref _slots[(item * _slotsPerItem) + slot];
        if (place != Vacant) _loads[place]--;
        if (node != Vacant) _loads[node]++;
        place = node;
    }

    /// <summary>Fills what is vacant, then raises nodes to their floor, then relieves those above their cap.</summary>
    public void Balance()
    {
        for (var item = 0; item < ItemCount; item++)
        {
            for (var slot = 0; slot < _slotsPerItem; slot++)
            {
                if (NodesOf(item)[slot] == Vacant) Fill(item, slot);
            }
        }

        for (var node = 0; node < _loads.Length; node++)
        {
            while (_loads[node] < _floors[node]) Raise(node);
        }

        for (var node = 0; node < _loads.Length; node++)
        {
            while (_loads[node] > _caps[node]) Relieve(node);
        }
    }

    private void Fill(int item, int slot)
    {
        var node = FirstFitting(item, _floors);
        if (node == Vacant) node = FirstFitting(item, _caps);
        if (node == Vacant) node = MakeRoom(item);
        Put(item, slot, node);
    }

    /// <summary>
    /// Every node that fits is full: one of them passes something on first. The shortest path from any of them: a longer one
    /// could pass through this very item and leave it with a node beside which the new one does not fit.
    /// </summary>
    private int MakeRoom(int item)
    {
        for (var longestPath = 1; longestPath <= _loads.Length; longestPath++)
        {
            foreach (var full in Wishes(item))
            {
                if (Fits(item, full, Vacant) && TryPassOn(full, Vacant, longestPath)) return full;
            }
        }

        throw new InvariantException("no place for a replica although the caps leave room");
    }

    private int FirstFitting(int item, int[] limits)
    {
        foreach (var node in Wishes(item))
        {
            if (_loads[node] < limits[node] && Fits(item, node, Vacant)) return node;
        }

        return Vacant;
    }

    /// <summary>Takes one item from the node that can best spare one. Direct gifts first: they move one thing, not two.</summary>
    private void Raise(int node)
    {
        var donors = Enumerable.Range(0, _loads.Length).Where(donor => _loads[donor] > _floors[donor]).ToArray();
        Array.Sort(donors, ByNeedToGive);
        foreach (var longestPath in (ReadOnlySpan<int>)[1, int.MaxValue])
        {
            foreach (var donor in donors)
            {
                if (TryPassOn(donor, node, longestPath)) return;
            }
        }

        Invariant.Fail("the floors can be met");
    }

    private void Relieve(int node)
    {
        if (!TryPassOn(node, Vacant, int.MaxValue)) Invariant.Fail("the caps can be met");
    }

    private int ByNeedToGive(int a, int b)
    {
        var byExcess = (_loads[b] > _caps[b]).CompareTo(_loads[a] > _caps[a]);
        if (byExcess != 0) return byExcess;
        var byUse = FairShare.CompareUse(_loads[b], _shares[b], _loads[a], _shares[a]);
        return byUse != 0 ? byUse : a.CompareTo(b);
    }

    /// <summary>
    /// Lets <paramref name="from"/> give one item to <paramref name="to"/> (<see cref="Vacant"/>: to any node below its cap),
    /// through others if it must. A shortest path never visits an item in a way that the exchanges before it make unfit.
    /// </summary>
    private bool TryPassOn(int from, int to, int longestPath)
    {
        var steps = new Step[_loads.Length];
        Array.Fill(steps, new Step(Vacant, Vacant, int.MaxValue, int.MaxValue));
        steps[from] = steps[from] with { Depth = 0 };
        var queue = new Queue<int>([from]);
        while (queue.TryDequeue(out var giver))
        {
            if (steps[giver].Depth >= longestPath) return false;
            ExpandFrom(giver, steps, queue);
            var end = to == Vacant ? LeastUsedBelowCap(steps, steps[giver].Depth + 1) : steps[to].Giver == Vacant ? Vacant : to;
            if (end == Vacant) continue;
            Exchange(from, end, steps);
            return true;
        }

        return false;
    }

    private void ExpandFrom(int giver, Step[] steps, Queue<int> queue)
    {
        var depth = steps[giver].Depth + 1;
        for (var item = 0; item < ItemCount; item++)
        {
            if (!NodesOf(item).Contains(giver)) continue;
            foreach (var taker in Wishes(item))
            {
                if (steps[taker].Depth < depth || (steps[taker].Depth == depth && steps[taker].Giver != giver)) continue;
                if (!Fits(item, taker, giver) || RankOf(item, taker) >= steps[taker].Rank) continue;
                if (steps[taker].Giver == Vacant) queue.Enqueue(taker);
                steps[taker] = new Step(giver, item, RankOf(item, taker), depth);
            }
        }
    }

    private int LeastUsedBelowCap(Step[] steps, int depth)
    {
        var best = Vacant;
        for (var node = 0; node < steps.Length; node++)
        {
            if (steps[node].Depth != depth || _loads[node] >= _caps[node]) continue;
            if (best == Vacant || FairShare.CompareUse(_loads[node], _shares[node], _loads[best], _shares[best]) < 0) best = node;
        }

        return best;
    }

    private void Exchange(int from, int end, Step[] steps)
    {
        for (var taker = end; taker != from; taker = steps[taker].Giver)
        {
            var (giver, item, _, _) = steps[taker];
            Invariant.Check(Fits(item, taker, giver));
            Put(item, NodesOf(item).IndexOf(giver), taker);
        }
    }

    /// <summary>How a node was reached: who gives it which item, the rank the item gives it, and how many gifts that took.</summary>
    private readonly record struct Step(int Giver, int Item, int Rank, int Depth);
}
