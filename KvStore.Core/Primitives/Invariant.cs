using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace KvStore.Core.Primitives;

/// <summary>A condition that the code relies on did not hold: the state of the node can no longer be trusted.</summary>
public sealed class InvariantException(string message) : Exception(message);

/// <summary>Assertions that stay on in production.</summary>
public static class Invariant
{
    public static void Check(
        [DoesNotReturnIf(false)] bool condition, [CallerArgumentExpression(nameof(condition))] string? expression = null)
    {
        if (!condition) Fail(expression!);
    }

    [DoesNotReturn]
    public static void Fail(string what) => throw new InvariantException($"invariant broken: {what}");
}
