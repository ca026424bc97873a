using System.Runtime.CompilerServices;
using System.Text;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;

namespace KvStore.Protocol.Client;

/// <summary>
/// A client of the cluster: thread-safe, meant to be shared and to live long. Requests of any number of callers are multiplexed over few
/// connections. Every method fails with <see cref="KvException"/> alone; for writes its outcome says whether they may have taken effect.
/// </summary>
public sealed class KvClient : IAsyncDisposable
{
    private static readonly ReplyDecoder<WriteResult> DecodeWrite = ReplyDecoders.Write;
    private static readonly ReplyDecoder<ReadResult> DecodeGet = ReplyDecoders.Get;

    private readonly KvClientOptions _options;
    private readonly ChannelPool _channels;
    private readonly Router _router;
    private readonly RequestRunner _runner;
    private Session? _session;

    private KvClient(KvClientOptions options)
    {
        _options = options;
        _channels = new ChannelPool(options);
        _router = new Router(options, _channels);
        _runner = new RequestRunner(_router);
    }

    /// <summary>The topology in use; null in coordinator-only mode and while the cluster is not initialised.</summary>
    public TopologyReply? KnownTopology => _router.Table?.Topology;

    /// <summary>At least one connection is open.</summary>
    public bool HasOpenConnection => _channels.HasOpenConnection;

    /// <summary>Connects to the first endpoint that answers and learns the topology from it.</summary>
    /// <exception cref="KvException"><see cref="KvError.Unreachable"/>: none answers. Also what a node refuses the handshake with.</exception>
    public static async Task<KvClient> ConnectAsync(KvClientOptions options, CancellationToken cancellation = default)
    {
        if (options.Endpoints.Count == 0) throw new KvException(KvError.InvalidRequest, "no endpoint is given");
        foreach (var endpoint in options.Endpoints) CheckEndpoint(endpoint);
        var client = new KvClient(options);
        try
        {
            await client.ReachAnyAsync(cancellation).ConfigureAwait(false);
            if (!options.CoordinatorOnly) await client.LearnTopologyAsync(cancellation).ConfigureAwait(false);
            return client;
        }
        catch
        {
            await client.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Stores a value. The memory must not change until the task has ended.</summary>
    public ValueTask<WriteResult> PutAsync(
        ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, WriteOptions options = default, CancellationToken cancellation = default) =>
        WriteAsync(WriteKind.Put, key, value, options, cancellation);

    /// <summary>Deletes a key; that it is absent is no error (<see cref="WriteResult.Existed"/>).</summary>
    public ValueTask<WriteResult> DeleteAsync(ReadOnlyMemory<byte> key, WriteOptions options = default, CancellationToken cancellation = default) =>
        WriteAsync(WriteKind.Delete, key, default, options, cancellation);

    /// <summary>Several operations in one request.</summary>
    /// <param name="operations">1 to 1,000, at most 16 MiB. The memory must not change until the task has ended.</param>
    /// <param name="options">Mode, request id and timeout count; time to live and condition are each operation's own.</param>
    /// <param name="perPartition">False: all keys must share a partition and the batch is atomic. True: each partition's part is atomic and each result has its own outcome.</param>
    public async ValueTask<WriteResult[]> BatchAsync(
        ReadOnlyMemory<WriteOperation> operations, WriteOptions options = default, bool perPartition = false, CancellationToken cancellation = default)
    {
        if (operations.Length is 0 or > Limits.BatchOperations)
            throw new KvException(operations.Length == 0 ? KvError.InvalidRequest : KvError.TooLarge, $"a batch has 1 to {Limits.BatchOperations} operations", Outcome.NotApplied);
        var size = 0L;
        foreach (ref readonly var operation in operations.Span)
        {
            CheckLimits(operation.Key, operation.Value);
            size += operation.Key.Length + operation.Value.Length;
        }

        if (operations.Length > 1 && size > Limits.BatchBytes) throw new KvException(KvError.TooLarge, $"a batch of {size} bytes is above {Limits.BatchBytes}", Outcome.NotApplied);
        var partition = perPartition ? null : _router.PartitionOf(operations.Span[0].Key.Span);
        var body = new BatchWrite(operations, options.Mode, perPartition, options.RequestId, (int)size);
        var results = await _runner.RunAsync<BatchWrite, WriteResult[]>(
            body, ReplyDecoders.Batch, new Target(partition, ToPrimary: true), DeadlineOf(options.Timeout), options.Trace, cancellation).ConfigureAwait(false);
        CheckCount(results.Length, operations.Length, Outcome.Unknown);
        foreach (ref readonly var result in results.AsSpan()) Learn(result);
        return results;
    }

    /// <summary>Reads one key. An absent key is a result, not an error.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<ReadResult> GetAsync(ReadOnlyMemory<byte> key, ReadOptions options = default, CancellationToken cancellation = default)
    {
        CheckKey(key, Outcome.None);
        var consistency = options.Consistency == ReadConsistency.Quorum ? ReadConsistency.Quorum : ReadConsistency.Local;
        var partition = _router.PartitionOf(key.Span);
        var body = new SingleGet(key, consistency, AtLeastOf(options, consistency, partition));
        var result = await _runner.RunAsync(
            body, DecodeGet, new Target(partition, consistency == ReadConsistency.Quorum), DeadlineOf(options.Timeout), options.Trace, cancellation).ConfigureAwait(false);
        Learn(result);
        return result;
    }

    /// <summary>
    /// Reads several keys, in parallel from the nodes that hold them. The results are in the order of the keys; each has its own
    /// <see cref="ReadResult.Error"/>.
    /// </summary>
    /// <param name="keys">Any number; more than 1,000 for one node are sent in several requests.</param>
    public async ValueTask<ReadResult[]> GetManyAsync(
        IReadOnlyList<ReadOnlyMemory<byte>> keys, ReadOptions options = default, CancellationToken cancellation = default)
    {
        var consistency = options.Consistency == ReadConsistency.Quorum ? ReadConsistency.Quorum : ReadConsistency.Local;
        var results = new ReadResult[keys.Count];
        var valid = CheckEach(keys, results);
        var deadline = DeadlineOf(options.Timeout);
        await Task.WhenAll(GroupByNode(keys, valid, consistency).Select(GetGroupAsync)).ConfigureAwait(false);
        foreach (var place in valid)
        {
            // The values of one reply were too many: this one was left out.
            if (results[place].Error == KvError.TooLarge) await GetGroupAsync([place]).ConfigureAwait(false);
        }

        foreach (ref readonly var result in results.AsSpan()) Learn(result);
        return results;

        async Task GetGroupAsync(int[] places)
        {
            var partition = _router.PartitionOf(keys[places[0]].Span);
            var wanted = Array.ConvertAll(places, place => new GetKey(keys[place], AtLeastOf(options, consistency, _router.PartitionOf(keys[place].Span))));
            try
            {
                var target = new Target(partition, consistency == ReadConsistency.Quorum);
                var answers = await _runner.RunAsync<MultiGet, ReadResult[]>(
                    new MultiGet(wanted, consistency), ReplyDecoders.MultiGet, target, deadline, options.Trace, cancellation).ConfigureAwait(false);
                CheckCount(answers.Length, places.Length, Outcome.None);
                for (var i = 0; i < answers.Length; i++) results[places[i]] = answers[i];
            }
            catch (KvException exception)
            {
                foreach (var place in places) results[place] = Failed(exception);
            }
        }
    }

    /// <summary>Reads records in key order, page after page, from <see cref="ScanRequest.Cursor"/> or the beginning to the end.</summary>
    public async IAsyncEnumerable<ScanPage> ScanAsync(ScanRequest request, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        while (true)
        {
            var page = await ScanPageAsync(request, default, cancellation).ConfigureAwait(false);
            yield return page;
            if (!page.More) yield break;
            request = request with { Cursor = page.Cursor };
        }
    }

    /// <summary>Reads one page.</summary>
    /// <param name="timeout">Zero = the client's.</param>
    public ValueTask<ScanPage> ScanPageAsync(ScanRequest request, TimeSpan timeout = default, CancellationToken cancellation = default) =>
        _runner.RunAsync<OtherRequest, ScanPage>(
            new OtherRequest(FrameType.Scan, request.Encode), ReplyDecoders.Scan, Target.AnyNode, DeadlineOf(timeout), default, cancellation);

    /// <summary>The topology as any node has it now; the client routes by it from here on.</summary>
    public async ValueTask<TopologyReply> TopologyAsync(TimeSpan timeout = default, CancellationToken cancellation = default)
    {
        var topology = await _runner.RunAsync<OtherRequest, TopologyReply>(
            new OtherRequest(FrameType.Topology), ReplyDecoders.Topology, Target.AnyNode, DeadlineOf(timeout), default, cancellation).ConfigureAwait(false);
        if (!_options.CoordinatorOnly) Install(topology);
        return topology;
    }

    /// <summary>Where a key lives and what each replica knows of it.</summary>
    public ValueTask<ExplainReply> ExplainAsync(ReadOnlyMemory<byte> key, TimeSpan timeout = default, CancellationToken cancellation = default)
    {
        CheckKey(key, Outcome.None);
        return _runner.RunAsync<OtherRequest, ExplainReply>(
            new OtherRequest(FrameType.Explain, new ExplainRequest(key).Encode), ReplyDecoders.Explain, Target.AnyNode, DeadlineOf(timeout), default, cancellation);
    }

    /// <summary>One node's own figures, asked of that node alone.</summary>
    /// <param name="endpoint">"host:port", a member or not.</param>
    public ValueTask<StatusReply> StatusAsync(string endpoint, TimeSpan timeout = default, CancellationToken cancellation = default)
    {
        CheckEndpoint(endpoint);
        return _runner.RunAtAsync<OtherRequest, StatusReply>(
            _channels.Get(endpoint), new OtherRequest(FrameType.Status), ReplyDecoders.Status, DeadlineOf(timeout), cancellation);
    }

    /// <summary>Asks one node to form a cluster, or to give its formation up.</summary>
    /// <param name="endpoint">"host:port"; null = the first endpoint of the client.</param>
    public ValueTask<InitReply> InitAsync(InitRequest request, string? endpoint = null, TimeSpan timeout = default, CancellationToken cancellation = default)
    {
        var at = endpoint ?? _options.Endpoints[0];
        CheckEndpoint(at);
        return _runner.RunAtAsync<OtherRequest, InitReply>(
            _channels.Get(at), new OtherRequest(FrameType.Init, request.Encode), ReplyDecoders.Init, DeadlineOf(timeout), cancellation);
    }

    /// <summary>Closes all connections. Requests under way end with <see cref="KvError.ConnectionLost"/>.</summary>
    public ValueTask DisposeAsync()
    {
        _channels.Dispose();
        return default;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<WriteResult> WriteAsync(
        WriteKind kind, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, WriteOptions options, CancellationToken cancellation)
    {
        CheckLimits(key, value);
        if (options.RequestId.Length > Limits.RequestIdBytes)
            throw new KvException(KvError.TooLarge, $"a request id has at most {Limits.RequestIdBytes} bytes", Outcome.NotApplied);
        var target = new Target(_router.PartitionOf(key.Span), ToPrimary: true);
        var result = await _runner.RunAsync(
            new SingleWrite(kind, key, value, options), DecodeWrite, target, DeadlineOf(options.Timeout), options.Trace, cancellation).ConfigureAwait(false);
        Learn(result);
        return result;
    }

    private async Task ReachAnyAsync(CancellationToken cancellation)
    {
        KvException? last = null;
        foreach (var seed in _router.Seeds)
        {
            var (connection, failure) = await seed.ConnectAsync(DeadlineOf(default), cancellation).ConfigureAwait(false);
            if (connection is not null) return;
            last = failure;
        }

        throw last ?? new KvException(KvError.Unreachable, "the connection closed at once");
    }

    private async Task LearnTopologyAsync(CancellationToken cancellation)
    {
        _router.Fetch = async () => await TopologyAsync().ConfigureAwait(false);
        try
        {
            await TopologyAsync(cancellation: cancellation).ConfigureAwait(false);
        }
        catch (KvException exception) when (exception.Code == KvError.NotInitialized)
        {
            // The client can still ask for status and init; what needs a cluster is refused by the node.
        }
    }

    private void Install(TopologyReply topology)
    {
        _router.Install(topology);
        if (_options.SessionConsistency && _session?.Fits(topology) != true) _session = new Session(topology.ClusterId, topology.PartitionCount);
    }

    /// <summary>The keys' places, in groups that one node can answer.</summary>
    private IEnumerable<int[]> GroupByNode(IReadOnlyList<ReadOnlyMemory<byte>> keys, List<int> places, ReadConsistency consistency) => places
        .GroupBy(place => _router.Choose(new Target(_router.PartitionOf(keys[place].Span), consistency == ReadConsistency.Quorum), 0, null)?.Address ?? "")
        .SelectMany(group => group.Chunk(Limits.GetKeys));

    private WireRevision AtLeastOf(in ReadOptions options, ReadConsistency consistency, ushort? partition)
    {
        if (!options.AtLeast.IsNone) return options.AtLeast;
        return consistency == ReadConsistency.Local && partition is { } known && _session is { } session ? session.Newest(known) : WireRevision.None;
    }

    private void Learn(in WriteResult result)
    {
        if (result.Outcome != Outcome.Applied) return;
        _session?.Observe(result.Partition, result.Revision);
        if (result.Primary != 0 && !result.Detached) _router.LearnServer(result.Partition, result.Primary, isPrimary: true);
    }

    private void Learn(in ReadResult result)
    {
        if (result.Error != KvError.None) return;
        _session?.Observe(result.Partition, result.Revision);
        _router.LearnServer(result.Partition, result.ServedBy, result.Achieved == ReadConsistency.Quorum && result.FromPrimary);
    }

    private Deadline DeadlineOf(TimeSpan timeout) => Deadline.After(timeout > TimeSpan.Zero ? timeout : _options.Timeout);

    private static void CheckLimits(ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value)
    {
        CheckKey(key, Outcome.NotApplied);
        if (value.Length > Limits.ValueBytes)
            throw new KvException(KvError.TooLarge, $"a value of {value.Length} bytes is longer than {Limits.ValueBytes}", Outcome.NotApplied);
    }

    // A missing answer must not pass for an absent key.
    private static void CheckCount(int answers, int questions, Outcome outcome)
    {
        if (answers != questions) throw new KvException(KvError.ProtocolViolation, $"{answers} answers to {questions} questions", outcome);
    }

    private static void CheckKey(ReadOnlyMemory<byte> key, Outcome outcome)
    {
        if (key.Length == 0) throw new KvException(KvError.InvalidRequest, "a key has at least one byte", outcome);
        if (key.Length > Limits.KeyBytes) throw new KvException(KvError.TooLarge, $"a key of {key.Length} bytes is longer than {Limits.KeyBytes}", outcome);
    }

    /// <summary>The places of the keys that can be asked for; the others have their error as their result.</summary>
    private static List<int> CheckEach(IReadOnlyList<ReadOnlyMemory<byte>> keys, ReadResult[] results)
    {
        var valid = new List<int>(keys.Count);
        for (var place = 0; place < keys.Count; place++)
        {
            try
            {
                CheckKey(keys[place], Outcome.None);
                valid.Add(place);
            }
            catch (KvException exception)
            {
                results[place] = Failed(exception);
            }
        }

        return valid;
    }

    private static ReadResult Failed(KvException exception) =>
        new() { Found = false, Error = exception.Code, Value = Encoding.UTF8.GetBytes(exception.Message) };

    private static void CheckEndpoint(string endpoint)
    {
        try
        {
            NodeChannel.ParseEndpoint(endpoint);
        }
        catch (FormatException exception)
        {
            throw new KvException(KvError.InvalidRequest, exception.Message);
        }
    }
}
