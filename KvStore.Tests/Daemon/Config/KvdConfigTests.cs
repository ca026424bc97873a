using KvStore.Daemon.Config;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Daemon.Config;

public sealed class KvdConfigTests
{
    private string _directory = "";

    private string ConfigFile => Path.Combine(_directory, "kvd.conf");

    [SetUp]
    public void CreateDirectory() => _directory = Directory.CreateTempSubdirectory("kvd-config-").FullName;

    [TearDown]
    public void DeleteDirectory() => Directory.Delete(_directory, recursive: true);

    [Test]
    public void Without_any_source_the_defaults_hold()
    {
        var config = Load("");
        config.DataDirectory.ShouldBe("/var/lib/kvd");
        config.Listen.ShouldBe(new HostPort("127.0.0.1", 7400));
        config.Advertise.ShouldBe(config.Listen);
        config.Http.ShouldBe(new HostPort("127.0.0.1", 7401));
        config.MemTableBytes.ShouldBe(64L << 20);
        config.WalSegmentBytes.ShouldBe(64 << 20);
        config.HeartbeatMs.ShouldBe(100);
        config.TimeoutMs.ShouldBe(1000);
        config.NodeName.ShouldNotBeEmpty();
        config.Values.Select(v => v.Setting).ShouldBe(Settings.All);
        config.Values.ShouldAllBe(v => v.Origin == "default");
    }

    [Test]
    public void A_flag_wins_over_the_environment_and_that_over_the_file()
    {
        File.WriteAllText(ConfigFile, """
            # a comment
            [node]
            name = from-file
            zone = from-file
            data_dir = "/from file"
            [storage]
            MEMTABLE = 32MiB
            """);
        var config = KvdConfig.Load(new ConfigSources
        {
            File = ConfigFile,
            Environment = new Dictionary<string, string> { ["KVD_NODE__NAME"] = "from-environment", ["KVD_NODE__ZONE"] = "from-environment", ["PATH"] = "/bin" },
            Flags = [new("--name", "from-flag")],
        });
        config.NodeName.ShouldBe("from-flag");
        config.Zone.ShouldBe("from-environment");
        config.DataDirectory.ShouldBe("/from file");
        config.MemTableBytes.ShouldBe(32L << 20);
        OriginOf(config, Settings.NodeName).ShouldBe("--name");
        OriginOf(config, Settings.Zone).ShouldBe("KVD_NODE__ZONE");
        OriginOf(config, Settings.DataDirectory).ShouldBe(ConfigFile);
        OriginOf(config, Settings.Http).ShouldBe("default");
    }

    [TestCase("[network]\nlistn = 127.0.0.1:7400", "network.listn", "network.listen")]
    [TestCase("[storage]\nmem_table = 1MiB", "storage.mem_table", "storage.memtable")]
    [TestCase("[node]\nlisten = 127.0.0.1:7400", "node.listen", "network.listen")]
    [TestCase("memtable = 1MiB", "memtable", "storage.memtable")]
    [TestCase("[replicaton]\ntimeot = 1s", "replicaton.timeot", "replication.timeout")]
    public void An_unknown_key_is_refused_and_the_nearest_one_named(string text, string key, string nearest) =>
        Refused(text).ShouldBe($"unknown key {key} in {ConfigFile}; did you mean {nearest}?");

    [TestCase("KVD_NETWORK__LISTN", "unknown key network.listn in KVD_NETWORK__LISTN; did you mean network.listen?")]
    [TestCase("KVD_NODE_NAME", "environment variable KVD_NODE_NAME names no key: section and key are separated by two underscores; did you mean KVD_NODE__NAME?")]
    public void An_unknown_variable_is_refused(string name, string message) =>
        Should.Throw<ConfigException>(() => LoadVariable(name, "x")).Message.ShouldBe(message);

    [Test]
    public void Variables_of_other_programs_are_left_alone() => LoadVariable("KVD_BINARY", "/x/kvd").NodeName.ShouldNotBeEmpty();

    [TestCase("[storage]\nmemtable = 64MB", "storage.memtable = \"64MB\" (from FILE) cannot be used: it must be a size from 1MiB to 2GiB, such as 64MiB")]
    [TestCase("[storage]\nmemtable = 3GiB", "storage.memtable = \"3GiB\" (from FILE) cannot be used: it must be a size from 1MiB to 2GiB, such as 64MiB")]
    [TestCase("[storage]\nwal_segment = 1025KiB", "storage.wal_segment = \"1025KiB\" (from FILE) cannot be used: it must be a multiple of 4KiB")]
    [TestCase("[replication]\nheartbeat = 5", "replication.heartbeat = \"5\" (from FILE) cannot be used: it must be a duration from 10ms to 1m, such as 100ms")]
    [TestCase("[replication]\ntimeout = 250ms", "replication.timeout = \"250ms\" (from FILE) cannot be used: it must be at least three times replication.heartbeat (100ms)")]
    [TestCase("[storage]\nwal_retention = 100MiB", "storage.wal_retention = \"100MiB\" (from FILE) cannot be used: it must be at least twice storage.wal_segment (64MiB)")]
    [TestCase("[limits]\nuncommitted = 8MiB", "limits.uncommitted = \"8MiB\" (from FILE) cannot be used: it must be at least limits.uncommitted_per_partition (16MiB)")]
    [TestCase("[network]\nmax_connections = 3", "network.max_connections = \"3\" (from FILE) cannot be used: it must be a whole number from 16 to 1000000")]
    [TestCase("[network]\ninsecure = yes", "network.insecure = \"yes\" (from FILE) cannot be used: it must be true or false")]
    [TestCase("[network]\nhttp = 127.0.0.1:7400", "network.http = \"127.0.0.1:7400\" (from FILE) cannot be used: it must be another address than network.listen (127.0.0.1:7400)")]
    [TestCase("[node]\nname = two words", "node.name = \"two words\" (from FILE) cannot be used: it must be 1 to 64 letters, digits, dots, hyphens or underscores")]
    public void A_wrong_value_is_refused_with_key_text_origin_and_remedy(string text, string message) =>
        Refused(text).ShouldBe(message.Replace("FILE", ConfigFile));

    [Test]
    public void A_name_to_listen_on_is_refused_for_it_needs_a_resolver() =>
        Refused("[network]\nlisten = example.org:7400").ShouldContain("an IP address (or localhost)");

    [TestCase("listen = 0.0.0.0:7400\nadvertise = n1:7400", "network.listen = 0.0.0.0:7400")]
    [TestCase("listen = 10.1.2.3:7400", "network.listen = 10.1.2.3:7400")]
    [TestCase("http = [::]:7401", "network.http = [::]:7401")]
    public void Beyond_loopback_nothing_listens_unless_insecure_is_said(string lines, string named)
    {
        var message = Refused("[network]\n" + lines);
        message.ShouldStartWith(named);
        message.ShouldContain("network.insecure = true");
        Load($"[network]\ninsecure = true\n{lines}").Insecure.ShouldBeTrue();
    }

    [TestCase("127.0.0.1:1")]
    [TestCase("127.9.9.9:1")]
    [TestCase("[::1]:1")]
    [TestCase("localhost:1")]
    public void Loopback_needs_no_permission(string address) => Load($"[network]\nlisten = {address}").Listen.ToString().ShouldBe(address);

    [Test]
    public void An_address_that_others_can_use_is_advertised()
    {
        Refused("[network]\ninsecure = true\nlisten = 0.0.0.0:7400").ShouldContain("set network.advertise");
        Refused("[network]\nadvertise = 0.0.0.0:7400").ShouldContain("network.advertise");
        Load("[network]\nadvertise = kv1.example:7400").Advertise.ShouldBe(new HostPort("kv1.example", 7400));
    }

    [Test]
    public void A_file_that_is_named_must_exist_and_be_readable()
    {
        Should.Throw<ConfigException>(() => KvdConfig.Load(new ConfigSources { File = ConfigFile })).Message.ShouldContain(ConfigFile);
        Refused("[node]\nname = a\nname = b").ShouldContain(ConfigFile);
        Refused("no equals sign").ShouldContain(ConfigFile);
    }

    [Test]
    public void The_report_shows_every_key_with_value_and_origin()
    {
        File.WriteAllText(ConfigFile, "[node]\nname = n1\ndata_dir = /data/../kv\n");
        using var report = new StringWriter();
        ConfigReport.Write(report, KvdConfig.Load(new ConfigSources { File = ConfigFile }));
        var lines = report.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        lines.Length.ShouldBe(Settings.All.Count);
        lines.ShouldContain(l => l.StartsWith("node.name ") && l.Contains("= n1 ") && l.EndsWith(ConfigFile));
        lines.ShouldContain(l => l.StartsWith("node.data_dir ") && l.Contains("= /kv ") && l.EndsWith(ConfigFile));
        lines.ShouldContain(l => l.StartsWith("network.advertise ") && l.Contains("= 127.0.0.1:7400 ") && l.EndsWith(" default"));
    }

    private static string OriginOf(KvdConfig config, Setting setting) => config.Values.Single(v => v.Setting == setting).Origin;

    private static KvdConfig LoadVariable(string name, string value) =>
        KvdConfig.Load(new ConfigSources { Environment = new Dictionary<string, string> { [name] = value } });

    private KvdConfig Load(string text)
    {
        File.WriteAllText(ConfigFile, text);
        return KvdConfig.Load(new ConfigSources { File = ConfigFile });
    }

    private string Refused(string text) => Should.Throw<ConfigException>(() => Load(text)).Message;
}
