using KvStore.Daemon.Ctl;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Daemon.Ctl;

/// <summary>What the command line refuses, always with status 2, words on standard error and nothing on standard output; and its help.</summary>
public sealed class CommandLineTests
{
    [TestCase("", "a command is missing")]
    [TestCase("cluster", "a command is missing")]
    [TestCase("putt k v", "there is no command 'putt'")]
    [TestCase("cluster leave n1", "there is no command 'leave'")]
    [TestCase("put k", "Required argument missing for command: 'put'.")]
    [TestCase("put k v w", "Unrecognized command or argument 'w'.")]
    [TestCase("get", "Required argument missing for command: 'get'.")]
    [TestCase("get k --quorun", "there is no option '--quorun' here; put -- before arguments that begin with -")]
    [TestCase("get --nope k", "there is no option '--nope' here; put -- before arguments that begin with -")]
    [TestCase("put k -5", "there is no option '-5' here; put -- before arguments that begin with -")]
    [TestCase("get k --quorum --local", "--quorum and --local exclude each other")]
    [TestCase("get k --at-least 7.318", "--at-least: '7.318' is not a revision (term.index@ms.counter.nID)")]
    [TestCase("get k l --at-least 7.318@1.0.n1", "--at-least is about one key: a revision belongs to one partition")]
    [TestCase("get --key-base64 %", "--key-base64: '%' is not base64")]
    [TestCase("put k v --strong --fast", "--strong and --fast exclude each other")]
    [TestCase("put k v --ttl 5", "--ttl: '5' is not a duration from 1ms to 876000h such as 250ms, 5s, 2m or 1h")]
    [TestCase("put k v --if-absent --if-version 1.1", "--if-absent and --if-version exclude each other")]
    [TestCase("put k v --if-absent --fast", "a conditional write is strong: leave out --fast")]
    [TestCase("put k v --if-version x", "--if-version: 'x' is not a revision (term.index@ms.counter.nID) or a version (term.index)")]
    [TestCase("put k @/nonexistent/file", "cannot read '/nonexistent/file'")]
    [TestCase("put k @/tmp", "cannot read '/tmp': it is a directory")]
    [TestCase("put k @", "@ is without a file's name")]
    [TestCase("delete k l --if-version 1.1", "--if-version is about one key")]
    [TestCase("delete k --if-absent", "there is no option '--if-absent' here")]
    [TestCase("scan a b", "Unrecognized command or argument 'b'.")]
    [TestCase("scan --limit 0", "--limit: '0' is not a whole number from 1 to 9223372036854775807")]
    [TestCase("scan --limit x", "--limit: 'x' is not")]
    [TestCase("scan --cursor !", "--cursor: '!' is not a cursor that kvctl printed")]
    [TestCase("scan --start", "Required argument missing for option: '--start'.")]
    [TestCase("explain", "Required argument missing for command: 'explain'.")]
    [TestCase("cluster init", "Option '--nodes' is required.")]
    [TestCase("cluster init --nodes a:1,b:2", "--nodes: a cluster has 3 to 100 nodes, not 2")]
    [TestCase("cluster init --nodes a:1,b:2,b:2", "--nodes: 'b:2' is named twice")]
    [TestCase("cluster init --nodes a:1,b:2,c", "--nodes: 'c' is not HOST:PORT")]
    [TestCase("cluster init --nodes a:1,b:2,c:3 --partitions 100", "--partitions: '100' is not a power of two from 16 to 4096")]
    [TestCase("cluster init --nodes a:1,b:2,c:3 --partitions 8192", "--partitions: '8192' is not")]
    [TestCase("cluster init --nodes a:1,b:2,c:3 --cluster-id 12", "--cluster-id: '12' is not 32 hexadecimal digits")]
    [TestCase("bench --ops 5 --duration 5s", "--ops and --duration exclude each other")]
    [TestCase("bench --clients 0", "--clients: '0' is not a whole number from 1 to 10000")]
    [TestCase("bench --clients 10000 --depth 2", "--clients times --depth is at most 10000")]
    [TestCase("bench --mix scan=1", "--mix: 'scan=1' is not weights such as get=95,put=5")]
    [TestCase("bench --value-size 17MiB", "--value-size: '17MiB' is not a size from 0 to 16777216")]
    [TestCase("bench --zipf -1", "--zipf: '-1' is not a number from 0 to 5")]
    [TestCase("bench --keys 99999999", "--keys: '99999999' is not")]
    [TestCase("bench --strong --fast", "--strong and --fast exclude each other")]
    [TestCase("version x", "Unrecognized command or argument 'x'.")]
    [TestCase("schema nope", "there is no schema 'nope'")]
    [TestCase("completion csh", "'csh' is not bash, zsh or fish")]
    [TestCase("version --timeout 5", "--timeout: '5' is not a duration")]
    [TestCase("version --consistency eventual", "--consistency: 'eventual' is neither fast nor strong")]
    [TestCase("version --endpoints host", "--endpoints: 'host' is not HOST:PORT")]
    [TestCase("--token-file f version", "")]
    public async Task Wrong_command_lines_end_with_2(string line, string message)
    {
        foreach (var json in (string[][])[[], ["--json"]])
        {
            var run = await CtlRun.OfAsync([.. json, .. line.Split(' ', StringSplitOptions.RemoveEmptyEntries)], []);
            run.Code.ShouldBe(ExitCode.Usage, run.Error);
            run.Out.ShouldBeEmpty();
            run.Error.ShouldContain(message);
            run.Error.ShouldContain("See 'kvctl");
        }
    }

    [TestCase("KVCTL_ENDPOINTS", "nowhere", "KVCTL_ENDPOINTS: 'nowhere' is not HOST:PORT")]
    [TestCase("KVCTL_CONSISTENCY", "eventual", "KVCTL_CONSISTENCY: 'eventual' is neither fast nor strong")]
    public async Task Wrong_variables_are_named(string variable, string value, string message)
    {
        var run = await CtlRun.OfAsync(["get", "k"], new() { [variable] = value });
        run.Code.ShouldBe(ExitCode.Usage);
        run.Error.ShouldContain(message);
    }

    [Test]
    public async Task Help_goes_to_standard_output_and_lists_the_verbs_of_this_build_alone()
    {
        var run = await CtlRun.OfAsync("--help");
        run.Code.ShouldBe(ExitCode.Done);
        run.Error.ShouldBeEmpty();
        GoldenFile.Check("help.txt", run.Out);
        GoldenFile.Check("help-put.txt", (await CtlRun.OfAsync("put", "--help")).Out);
        GoldenFile.Check("help-bench.txt", (await CtlRun.OfAsync("bench", "-h")).Out);
    }

    [TestCase("bash")]
    [TestCase("zsh")]
    [TestCase("fish")]
    public async Task Completion_scripts(string shell)
    {
        var run = await CtlRun.OfAsync("completion", shell);
        run.Code.ShouldBe(ExitCode.Done);
        GoldenFile.Check($"completion.{shell}", run.Out);
    }

    [TestCase("write")]
    [TestCase("write/1")]
    [TestCase("kvd.write/1")]
    public async Task Schemas_go_by_short_and_long_names(string name)
    {
        var run = await CtlRun.OfAsync("schema", name);
        run.Code.ShouldBe(ExitCode.Done);
        System.Text.Json.JsonDocument.Parse(run.Out).RootElement.GetProperty("$id").GetString().ShouldBe("kvd.write/1");
    }

    [TestCase("version")]
    [TestCase("--version")]
    public async Task The_version_needs_no_node(string word) => (await CtlRun.OfAsync(word)).Out.ShouldStartWith("kvctl ");
}
