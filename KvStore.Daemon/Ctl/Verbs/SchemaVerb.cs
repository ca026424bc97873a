using System.CommandLine;
using KvStore.Daemon.Ctl.Arguments;
using KvStore.Daemon.Ctl.Documents;

namespace KvStore.Daemon.Ctl.Verbs;

/// <summary>`schema NAME`: the JSON Schema of one kind of document.</summary>
internal sealed class SchemaVerb : Verb
{
    private readonly Argument<string> _name = Words.Operand("NAME", $"one of: {string.Join(", ", Schemas.Names)}");

    public SchemaVerb() : base("schema", "show the JSON Schema of a document that --json prints")
    {
        _name.CompletionSources.Add([.. Schemas.Names]);
        Arguments.Add(_name);
    }

    public override Task<int> RunAsync(ParseResult parse, CtlContext context)
    {
        var name = parse.GetRequiredValue(_name);
        var schema = Schemas.Find(name)
            ?? throw new UsageException($"there is no schema '{name}'; there are {string.Join(", ", Schemas.Names)}");
        context.Print(schema);
        return Task.FromResult(ExitCode.Done);
    }
}
