using System.CommandLine;
using KvStore.Daemon.Ctl.Arguments;
using KvStore.Protocol.Messages;

namespace KvStore.Daemon.Ctl.Verbs;

/// <summary>--quorum and --local, which all reading verbs share.</summary>
internal sealed class ReadModeOptions
{
    public Option<bool> Quorum { get; } = Words.Flag("--quorum", "reflect every acknowledged strong write; linearizable");

    public Option<bool> Local { get; } = Words.Flag("--local", "the nearest replica's own state, with a bound on its age (the default)");

    public ReadConsistency Consistency(ParseResult parse, bool strongByDefault)
    {
        if (parse.GetValue(Quorum)) return ReadConsistency.Quorum;
        return parse.GetValue(Local) || !strongByDefault ? ReadConsistency.Local : ReadConsistency.Quorum;
    }
}
