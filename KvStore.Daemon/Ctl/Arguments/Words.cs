using System.CommandLine;
using System.CommandLine.Parsing;

namespace KvStore.Daemon.Ctl.Arguments;

/// <summary>Reads one word of the command line; false if it is not of the form.</summary>
internal delegate bool WordParser<T>(string word, out T value);

/// <summary>Makes options and arguments whose words are checked while parsing, without the library's reflection-based conversion.</summary>
internal static class Words
{
    public static Option<bool> Flag(string name, string description) => new(name) { Description = description };

    /// <summary>An option with one word; its value is <paramref name="otherwise"/> when it is not given.</summary>
    public static Option<T> Word<T>(string name, string helpName, string description, string expected, WordParser<T> parse, T otherwise) =>
        new(name)
        {
            Description = description,
            HelpName = helpName,
            CustomParser = result => Read(result, name, expected, parse, otherwise),
            DefaultValueFactory = _ => otherwise,
        };

    /// <summary>An option that takes any text.</summary>
    public static Option<string?> Text(string name, string helpName, string description) =>
        new(name) { Description = description, HelpName = helpName };

    /// <summary>A whole number from <paramref name="least"/> to <paramref name="most"/>.</summary>
    public static Option<long?> Number(string name, string helpName, string description, long least, long most) =>
        Word<long?>(name, helpName, description, $"a whole number from {least} to {most}",
            (string word, out long? value) =>
            {
                value = long.TryParse(word, System.Globalization.NumberStyles.None, null, out var number) ? number : null;
                return value >= least && value <= most;
            },
            otherwise: null);

    public static Option<TimeSpan?> Duration(string name, string description) =>
        Word<TimeSpan?>(name, "DURATION", description, "a duration from 1ms to 876000h such as 250ms, 5s, 2m or 1h",
            (string word, out TimeSpan? value) =>
            {
                var ok = DurationText.TryParse(word, out var duration);
                value = duration;
                return ok;
            },
            otherwise: null);

    /// <summary>A positional argument. Its text may hold escaped bytes (<see cref="RawArguments"/>).</summary>
    public static Argument<string> Operand(string name, string description) =>
        Checked(new Argument<string>(name)
        {
            Description = description,
            HelpName = name,
            CustomParser = result => result.Tokens[0].Value,
        });

    public static Argument<string?> OptionalOperand(string name, string description) =>
        Checked(new Argument<string?>(name)
        {
            Description = description,
            HelpName = name,
            Arity = ArgumentArity.ZeroOrOne,
            CustomParser = result => result.Tokens.Count > 0 ? result.Tokens[0].Value : null,
            DefaultValueFactory = _ => null,
        });

    /// <summary>One or more positional arguments.</summary>
    public static Argument<string[]> Operands(string name, string description) =>
        Checked(new Argument<string[]>(name)
        {
            Description = description,
            HelpName = $"{name}...",
            Arity = ArgumentArity.OneOrMore,
            CustomParser = result => [.. result.Tokens.Select(t => t.Value)],
        });

    // The library takes an unknown option for an argument, so `get k --quorun` would read a key of that name.
    private static T Checked<T>(T argument) where T : Argument
    {
        argument.Validators.Add(result =>
        {
            foreach (var token in result.Tokens)
            {
                if (RawArguments.LooksLikeOption(token.Value))
                    result.AddError($"there is no option '{token.Value}' here; put -- before arguments that begin with -");
            }
        });
        return argument;
    }

    private static T Read<T>(ArgumentResult result, string name, string expected, WordParser<T> parse, T otherwise)
    {
        var word = result.Tokens[0].Value;
        if (parse(word, out var value)) return value;
        result.AddError($"{name}: '{word}' is not {expected}");
        return otherwise;
    }
}
