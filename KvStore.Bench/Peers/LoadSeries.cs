using KvStore.Bench.Load;

namespace KvStore.Bench.Peers;

/// <summary>What one cell measured in each round. Figures are medians over the rounds, each taken for itself.</summary>
internal sealed class LoadSeries
{
    private readonly List<LoadResult> _rounds = [];

    /// <summary>Connections that carried the load, the same in every round.</summary>
    public int Connections { get; private set; }

    public double OperationsPerSecond => Median(static round => round.OperationsPerSecond);

    public double SlowestRound => _rounds.Min(static round => round.OperationsPerSecond);

    public double FastestRound => _rounds.Max(static round => round.OperationsPerSecond);

    public double P50Us => Median(static round => round.P50Us);

    public double P99Us => Median(static round => round.P99Us);

    public double GeneratorCores => Median(static round => round.GeneratorCores);

    public double ServerCores => Median(static round => round.ServerCores);

    /// <inheritdoc cref="LoadResult.GeneratorUsPerOperation"/>
    public double GeneratorUsPerOperation => Median(static round => round.GeneratorUsPerOperation);

    /// <inheritdoc cref="LoadResult.ServerUsPerOperation"/>
    public double ServerUsPerOperation => Median(static round => round.ServerUsPerOperation);

    public long Failures => _rounds.Sum(static round => round.Failures);

    /// <summary>The most frequent error message of all rounds, or null.</summary>
    public string? CommonError => _rounds.SelectMany(static round => round.Errors).OrderByDescending(static error => error.Value).FirstOrDefault().Key;

    public void Add(LoadResult round, int connections)
    {
        _rounds.Add(round);
        Connections = connections;
    }

    private double Median(Func<LoadResult, double> figure) => Reports.Statistics.Median(_rounds.Select(figure));
}
