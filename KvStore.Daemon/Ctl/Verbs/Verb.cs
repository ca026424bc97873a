using System.CommandLine;

namespace KvStore.Daemon.Ctl.Verbs;

/// <summary>One thing kvctl does: its place on the command line and what it then runs.</summary>
internal abstract class Verb(string name, string description) : Command(name, description)
{
    /// <summary>Does it.</summary>
    /// <returns>One of <see cref="ExitCode"/>.</returns>
    /// <exception cref="UsageException">The arguments do not go together; nothing was sent.</exception>
    public abstract Task<int> RunAsync(ParseResult parse, CtlContext context);

    /// <summary>Refuses two options together while parsing.</summary>
    protected void Exclusive(params Option[] options) => Validators.Add(result =>
    {
        var given = options.Where(o => result.GetResult(o) is { Implicit: false }).Select(o => o.Name).ToArray();
        if (given.Length > 1) result.AddError($"{string.Join(" and ", given)} exclude each other");
    });
}
