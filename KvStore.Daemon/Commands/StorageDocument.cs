using System.Globalization;
using System.Text;
using KvStore.Core.Node;
using KvStore.Core.Storage;
using KvStore.Core.Storage.Wal;
using KvStore.Daemon.Ctl.Documents;
using KvStore.Daemon.Ctl.Output;

namespace KvStore.Daemon.Commands;

/// <summary>The data directory of a stopped node, and what is wrong with it.</summary>
internal static class StorageDocument
{
    public const string Schema = "kvd.storage/1";

    public static DocumentWriter Json(string directory, DataDirectoryReport report, IReadOnlyList<StorageProblem> problems)
    {
        var document = new DocumentWriter(Schema, ok: problems.Count == 0)
            .Text("directory", directory)
            .Text("node", report.Member?.Name)
            .Text("cluster_id", report.Cluster is { } cluster ? ClusterIdText.Write(cluster.ClusterId) : null);
        if (report.Identity is { } identity) document.Wide("incarnation", identity.Incarnation).Wide("boot", identity.Boot);
        WritePartitions(document, report);
        WriteTables(document, report.Store);
        WriteLog(document, report.Log);
        document.Json.WriteStartArray("problems");
        foreach (var problem in problems)
        {
            document.Json.WriteStartObject();
            document.Text("file", problem.Path).Wide("offset", (ulong)Math.Max(0, problem.Offset)).Text("what", problem.What);
            document.Json.WriteEndObject();
        }

        document.Json.WriteEndArray();
        return document;
    }

    public static string Text(DataDirectoryReport report, IReadOnlyList<StorageProblem> problems, bool everything)
    {
        var text = new StringBuilder();
        foreach (var problem in problems) text.Append(CultureInfo.InvariantCulture, $"{problem.Path} at {problem.Offset}: {problem.What}\n");
        if (problems.Count > 0) text.Append('\n');
        text.Append(Summary(report)).Append('\n');
        if (!everything) AppendTables(text, report);
        if (problems.Count > 0) text.Append(CultureInfo.InvariantCulture, $"\n{problems.Count} problems. Nothing was changed. See docs/operations.md, 'Look at a stopped store'.\n");
        else if (everything) text.Append("Everything can be read and is as it was written. Nothing was changed.\n");
        return text.ToString();
    }

    private static string Summary(DataDirectoryReport report)
    {
        var who = report.Member is { } member ? $"Node {member.Name} of cluster {ClusterIdText.Write(report.Cluster!.ClusterId)}" : "A node that is no member of a cluster";
        var tables = report.Store?.Tables ?? [];
        var torn = report.Log.TornBytes == 0 ? "" : $", behind it {report.Log.TornBytes} bytes that were not synced (normal after a crash)";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{who}: {report.Store?.Partitions.Count ?? 0} partitions, {tables.Count} tables with {tables.Sum(t => t.Records)} records in {tables.Sum(t => t.Bytes)} bytes, a log of {report.Log.Segments.Count} segments with {report.Log.Records} records up to LSN {report.Log.LastLsn}{torn}.");
    }

    private static void AppendTables(StringBuilder text, DataDirectoryReport report)
    {
        var groups = report.Log.Groups.ToDictionary(group => group.Id);
        var partitions = new TextTable("PARTITION", "GENERATION", "APPLIED", "FLOOR", "TERM", "VOTE", "COMMIT", "LOG").Right("PARTITION", "GENERATION", "APPLIED", "FLOOR", "TERM", "VOTE", "COMMIT");
        foreach (var partition in report.Store?.Partitions ?? [])
        {
            var group = groups.GetValueOrDefault(partition.Id);
            partitions.Add(
                $"{partition.Id}", $"{partition.Generation.Value}", $"{partition.Applied.Index}", $"{partition.Floor}",
                $"{group?.Term}", $"{group?.Vote}", $"{group?.Commit}", group is { First.Value: > 0 } ? $"{group.First} to {group.Last}" : "-");
        }

        var tables = new TextTable("TABLE", "LEVEL", "BYTES", "RECORDS", "TOMBSTONES", "PARTITIONS").Right("TABLE", "LEVEL", "BYTES", "RECORDS", "TOMBSTONES");
        foreach (var table in report.Store?.Tables ?? [])
            tables.Add($"{table.Number}", $"{table.Level}", $"{table.Bytes}", $"{table.Records}", $"{table.Tombstones}", $"{table.FirstPartition} to {table.LastPartition}");
        var segments = new TextTable("SEGMENT", "EPOCH", "FIRST LSN", "BYTES", "USED").Right("SEGMENT", "EPOCH", "FIRST LSN", "BYTES", "USED");
        foreach (var segment in report.Log.Segments)
            segments.Add($"{segment.Number}", $"{segment.Epoch}", $"{segment.FirstLsn}", $"{segment.Bytes}", $"{segment.UsedBytes}");
        foreach (var table in (TextTable[])[partitions, tables, segments])
        {
            text.Append('\n');
            table.AppendTo(text);
        }
    }

    private static void WritePartitions(DocumentWriter document, DataDirectoryReport report)
    {
        var groups = report.Log.Groups.ToDictionary(group => group.Id);
        document.Json.WriteStartArray("partitions");
        foreach (var partition in report.Store?.Partitions ?? [])
        {
            document.Json.WriteStartObject();
            document
                .Number("id", partition.Id.Value)
                .Number("generation", partition.Generation.Value)
                .Wide("applied_index", partition.Applied.Index.Value)
                .Wide("applied_term", partition.Applied.Term.Value)
                .Wide("floor", partition.Floor.Value);
            if (groups.TryGetValue(partition.Id, out var group))
            {
                document
                    .Wide("term", group.Term.Value)
                    .Wide("vote", group.Vote)
                    .Wide("commit_index", group.Commit.Value)
                    .Wide("log_first_index", group.First.Value)
                    .Wide("log_last_index", group.Last.Value);
            }

            document.Json.WriteEndObject();
        }

        document.Json.WriteEndArray();
    }

    private static void WriteTables(DocumentWriter document, StorageReport? store)
    {
        document.Json.WriteStartArray("tables");
        foreach (var table in store?.Tables ?? [])
        {
            document.Json.WriteStartObject();
            document
                .Wide("number", table.Number)
                .Number("level", table.Level)
                .Wide("bytes", (ulong)table.Bytes)
                .Wide("records", (ulong)table.Records)
                .Wide("tombstones", (ulong)table.Tombstones)
                .Wide("key_bytes", (ulong)table.KeyBytes)
                .Wide("value_bytes", (ulong)table.ValueBytes)
                .Number("first_partition", table.FirstPartition.Value)
                .Number("last_partition", table.LastPartition.Value);
            document.Json.WriteEndObject();
        }

        document.Json.WriteEndArray();
    }

    private static void WriteLog(DocumentWriter document, WalReport log)
    {
        document.Json.WriteStartObject("log");
        document.Wide("records", (ulong)log.Records).Wide("last_lsn", log.LastLsn.Value).Wide("torn_bytes", (ulong)log.TornBytes);
        document.Json.WriteStartArray("segments");
        foreach (var segment in log.Segments)
        {
            document.Json.WriteStartObject();
            document
                .Wide("number", segment.Number)
                .Wide("epoch", segment.Epoch)
                .Wide("first_lsn", segment.FirstLsn.Value)
                .Wide("bytes", (ulong)segment.Bytes)
                .Wide("used_bytes", (ulong)segment.UsedBytes);
            document.Json.WriteEndObject();
        }

        document.Json.WriteEndArray();
        document.Json.WriteEndObject();
    }
}
