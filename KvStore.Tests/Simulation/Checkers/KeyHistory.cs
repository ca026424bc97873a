namespace KvStore.Tests.Simulation.Checkers;

/// <summary>
/// The history of one key, prepared for the search: who read whose write is resolved, and writes that must follow one another
/// directly, with their readers, are joined to chains. Operations are numbered by their invocation.
/// </summary>
internal sealed class KeyHistory
{
    public const int NoWriter = -1;

    private readonly Dictionary<string, int> _writerByRevision = [];
    private readonly ILookup<string, int> _writersByValue;

    public KeyHistory(IEnumerable<RegisterOperation> operations)
    {
        Operations = [.. operations.Where(MayMatter).OrderBy(o => o.InvokedAt)];
        var count = Operations.Length;
        Invoke = Array.ConvertAll(Operations, o => o.InvokedAt);
        Return = Array.ConvertAll(Operations, o => o.Outcome == RegisterOutcome.Unknown ? long.MaxValue : o.ReturnedAt);
        Writes = Array.ConvertAll(Operations, WritesValue);
        Deletes = Array.ConvertAll(Operations, DeletesValue);
        _writersByValue = Enumerable.Range(0, count).Where(i => Writes[i]).ToLookup(i => Operations[i].Value!);
        RevisionOf = [.. Operations.Select((o, i) => Writes[i] ? o.Revision : null)];
        Need = new RegisterNeed[count];
        NeededWriter = new int[count];
        Must = new bool[count];
        ChainOf = new int[count];
        LastInvokeOfChain = new long[count];
        FirstReturnOfChain = new long[count];
        ChainMayDelete = new bool[count];
        Array.Fill(NeededWriter, NoWriter);
        ResolveNeeds();
        if (Impossible is null) JoinChains();
        if (Impossible is null) FindInterruptedChain();
    }

    public RegisterOperation[] Operations { get; }

    public long[] Invoke { get; }

    public long[] Return { get; }

    /// <summary>Leaves the key present, or may.</summary>
    public bool[] Writes { get; }

    /// <summary>Leaves the key absent, or may.</summary>
    public bool[] Deletes { get; }

    /// <summary>The revision of a write, from its own answer or from that of its only possible reader; null if unknown.</summary>
    public string?[] RevisionOf { get; }

    public RegisterNeed[] Need { get; }

    public int[] NeededWriter { get; }

    /// <summary>Took effect for certain: it returned, or one that did read its write.</summary>
    public bool[] Must { get; }

    /// <summary>The write that an operation's condition or answer names, and so on back to one that names none; itself if it names none.</summary>
    public int[] ChainOf { get; }

    /// <summary>Indexed by the first write of a chain: when the last of its operations was invoked.</summary>
    public long[] LastInvokeOfChain { get; }

    /// <summary>Indexed by the first write of a chain: when the first of its operations returned.</summary>
    public long[] FirstReturnOfChain { get; }

    /// <summary>Indexed by the first write of a chain: whether a delete belongs to it or may follow from it.</summary>
    public bool[] ChainMayDelete { get; }

    /// <summary>
    /// Whether it is unclear which write some answer names. Then more is permitted than was possible: a revision that only
    /// such answers name is not bound to one write.
    /// </summary>
    public bool IsUnclear => Need.Any(n => n is RegisterNeed.Value or RegisterNeed.Revision);

    /// <summary>Why no order can explain the history, where that shows without a search; else null.</summary>
    public string? Impossible { get; private set; }

    public bool HasEffect(int operation) => Writes[operation] || Deletes[operation];

    /// <summary>Whether an operation may come between the operations of a chain that it does not belong to.</summary>
    public bool MayStandInChain(int operation) => !HasEffect(operation) && Need[operation] is not (RegisterNeed.Absent or RegisterNeed.Writer);

    /// <summary>Whether an operation could do in a state what its answer says. The state is the number of its write, <see cref="NoWriter"/> when absent.</summary>
    public bool Matches(int operation, int state) => Need[operation] switch
    {
        RegisterNeed.Nothing => true,
        RegisterNeed.Absent => state == NoWriter,
        RegisterNeed.Present => state != NoWriter,
        RegisterNeed.Writer => state == NeededWriter[operation],
        RegisterNeed.Value => state != NoWriter && Operations[state].Value == Operations[operation].Value
            && MayBe(RevisionOf[state], Operations[operation].Revision),
        RegisterNeed.Revision => state != NoWriter && MayBe(RevisionOf[state], SoughtRevision(Operations[operation])),
        RegisterNeed.NotRevision => state == NoWriter || RevisionOf[state] is null || RevisionOf[state] != Operations[operation].Expected,
        _ => throw new InvalidOperationException($"need {Need[operation]}"),
    };

    private static bool MayBe(string? known, string? sought) => known is null || sought is null || known == sought;

    private static bool MayMatter(RegisterOperation o) =>
        o.Outcome != RegisterOutcome.NotApplied && !(o.Action == RegisterAction.Get && o.Outcome != RegisterOutcome.Ok);

    private static bool WritesValue(RegisterOperation o) =>
        o.Outcome != RegisterOutcome.ConditionFailed && o.Action is RegisterAction.Put or RegisterAction.PutIfAbsent or RegisterAction.PutIfVersion;

    private static bool DeletesValue(RegisterOperation o) =>
        o is { Outcome: not RegisterOutcome.ConditionFailed, Existed: not false, Action: RegisterAction.Delete or RegisterAction.DeleteIfVersion };

    public string? SoughtRevisionOf(int operation) => SoughtRevision(Operations[operation]);

    /// <summary>The revision that an answer names: what a condition demanded when it held, what it met when it failed.</summary>
    private static string? SoughtRevision(RegisterOperation o) =>
        o.Action is RegisterAction.PutIfVersion or RegisterAction.DeleteIfVersion && o.Outcome != RegisterOutcome.ConditionFailed ? o.Expected : o.Revision;

    private void ResolveNeeds()
    {
        for (var i = 0; i < Operations.Length; i++)
        {
            if (RevisionOf[i] is { } revision && !_writerByRevision.TryAdd(revision, i))
                Impossible ??= $"two writes were given one revision:\n  {Operations[_writerByRevision[revision]]}\n  {Operations[i]}";
        }

        // Gets first: a value tells which write of unknown outcome a revision belongs to, and conditions name revisions.
        for (var i = 0; i < Operations.Length; i++)
        {
            if (Operations[i].Action == RegisterAction.Get) ResolveGet(i);
        }

        for (var i = 0; i < Operations.Length; i++)
        {
            if (Operations[i].Action != RegisterAction.Get) ResolveCondition(i);
        }
    }

    private void ResolveGet(int get)
    {
        var operation = Operations[get];
        if (operation.Value is null)
        {
            Need[get] = RegisterNeed.Absent;
            return;
        }

        if (operation.Revision is { } revision && _writerByRevision.TryGetValue(revision, out var named))
        {
            if (Operations[named].Value != operation.Value)
                Impossible ??= $"a get returned a revision with a value that was not written with it:\n  {operation}\n  {Operations[named]}";
            NeedWriter(get, named);
            return;
        }

        var candidates = _writersByValue[operation.Value].Where(w => MayPrecede(w, get) && (operation.Revision is null || RevisionOf[w] is null)).ToList();
        if (candidates.Count == 0) Impossible ??= $"a get returned what no write that can have taken effect wrote:\n  {operation}";
        Name(get, candidates, operation.Revision, RegisterNeed.Value);
    }

    private void ResolveCondition(int i)
    {
        var operation = Operations[i];
        var failed = operation.Outcome == RegisterOutcome.ConditionFailed;
        switch (operation.Action)
        {
            case RegisterAction.PutIfAbsent when !failed:
                Need[i] = RegisterNeed.Absent;
                break;
            case RegisterAction.Delete:
                Need[i] = operation.Existed switch { true => RegisterNeed.Present, false => RegisterNeed.Absent, null => RegisterNeed.Nothing };
                break;
            case RegisterAction.PutIfAbsent when operation.Revision is null:
                Need[i] = RegisterNeed.Present;
                break;
            case RegisterAction.PutIfVersion or RegisterAction.DeleteIfVersion when failed && operation.Revision is null:
                Need[i] = RegisterNeed.NotRevision;
                break;
            case RegisterAction.PutIfVersion or RegisterAction.DeleteIfVersion when failed && operation.Revision == operation.Expected:
                Impossible ??= $"a condition failed although it met what it demanded:\n  {operation}";
                break;
            case RegisterAction.PutIfAbsent or RegisterAction.PutIfVersion or RegisterAction.DeleteIfVersion:
                ResolveRevision(i, SoughtRevision(operation)!);
                break;
        }
    }

    private void ResolveRevision(int i, string revision)
    {
        if (_writerByRevision.TryGetValue(revision, out var named))
        {
            NeedWriter(i, named);
            return;
        }

        var candidates = Enumerable.Range(0, Operations.Length).Where(w => Writes[w] && RevisionOf[w] is null && w != i && MayPrecede(w, i)).ToList();
        if (candidates.Count == 0 && Return[i] != long.MaxValue) Impossible ??= $"a condition met a revision that no write was given:\n  {Operations[i]}";
        Name(i, candidates, Return[i] == long.MaxValue ? null : revision, RegisterNeed.Revision);
    }

    private bool MayPrecede(int write, int reader) => Invoke[write] <= Return[reader];

    private void Name(int reader, List<int> candidates, string? revision, RegisterNeed ifSeveral)
    {
        if (candidates.Count != 1)
        {
            Need[reader] = ifSeveral;
            return;
        }

        NeedWriter(reader, candidates[0]);
        if (revision is null || RevisionOf[candidates[0]] is not null) return;
        RevisionOf[candidates[0]] = revision;
        _writerByRevision[revision] = candidates[0];
    }

    private void NeedWriter(int reader, int writer)
    {
        Need[reader] = RegisterNeed.Writer;
        NeededWriter[reader] = writer;
    }

    private void JoinChains()
    {
        for (var i = 0; i < Operations.Length; i++)
        {
            if (Return[i] == long.MaxValue) continue;
            for (var at = i; at != NoWriter && !Must[at]; at = NeededWriter[at]) Must[at] = true;
        }

        Array.Fill(FirstReturnOfChain, long.MaxValue);
        for (var i = 0; i < Operations.Length; i++)
        {
            var first = FirstOfChain(i);
            if (Deletes[i]) ChainMayDelete[first] = true; // one that need not happen included
            ChainOf[i] = first;
            if (!Must[i]) continue;
            LastInvokeOfChain[first] = Math.Max(LastInvokeOfChain[first], Invoke[i]);
            FirstReturnOfChain[first] = Math.Min(FirstReturnOfChain[first], Return[i]);
        }
    }

    private int FirstOfChain(int operation)
    {
        var first = operation;
        for (var steps = 0; NeededWriter[first] != NoWriter; first = NeededWriter[first])
        {
            if (++steps <= Operations.Length) continue;
            if (Must[first]) Impossible = $"conditions that demand one another's writes:\n  {Operations[first]}";
            return operation;
        }

        return first;
    }

    /// <summary>
    /// A chain whose first return lies before its last invocation holds the key throughout that time: another such time may not
    /// overlap it, and no operation that belongs elsewhere may lie within it (Gibbons and Korach, 1997, section 4).
    /// </summary>
    private void FindInterruptedChain()
    {
        var chains = Enumerable.Range(0, Operations.Length).Where(i => Must[i] && ChainOf[i] == i && !MayStandInChain(i)).ToList();
        var holding = chains.Where(c => FirstReturnOfChain[c] < LastInvokeOfChain[c]).OrderBy(c => FirstReturnOfChain[c]).ToArray();
        var starts = Array.ConvertAll(holding, c => FirstReturnOfChain[c]);
        foreach (var chain in chains)
        {
            // Of those that hold from before this chain's last invocation, the latest: if they do not overlap it alone matters.
            var at = Array.BinarySearch(starts, LastInvokeOfChain[chain]);
            at = (at < 0 ? ~at : at) - 1;
            if (at >= 0 && holding[at] == chain) at--;
            if (at < 0 || FirstReturnOfChain[chain] >= LastInvokeOfChain[holding[at]]) continue;
            Impossible = $"two groups of operations, each about one write, would both have to come first:\n{Describe(holding[at])}and\n{Describe(chain)}";
            return;
        }
    }

    private string Describe(int chain)
    {
        var members = Enumerable.Range(0, Operations.Length).Where(i => Must[i] && ChainOf[i] == chain).ToList();
        var shown = new[] { chain, members.MinBy(i => Return[i]), members.MaxBy(i => Invoke[i]) }.Distinct().Order();
        return string.Concat(shown.Select(i => $"  {Operations[i]}\n"));
    }
}
