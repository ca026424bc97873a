namespace KvStore.Core.Storage;

/// <summary>
/// One life of a partition's data on this node. Every creation, drop, snapshot install and rebuild takes a new number, never used before
/// in this data directory: records of an earlier life are dead wherever they still lie.
/// </summary>
public readonly record struct Generation(uint Value) : IComparable<Generation>
{
    public Generation Next => new(Value + 1);

    public int CompareTo(Generation other) => Value.CompareTo(other.Value);

    public override string ToString() => $"g{Value}";
}
