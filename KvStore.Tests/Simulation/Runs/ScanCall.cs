using System.Text;
using KvStore.Core.Primitives;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;
using KvStore.Tests.Simulation.Checkers;

namespace KvStore.Tests.Simulation.Runs;

/// <summary>One page of a scan; when it was cut short, the next one is asked for.</summary>
/// <param name="keys">How many keys with the prefix there may be.</param>
/// <param name="after">The last key of the page before; empty: this is the first.</param>
internal sealed class ScanCall(ClientNotes notes, ScanRequest scan, int keys, string after = "") : ClientCall
{
    public override FrameType Type => FrameType.Scan;

    /// <summary>Asks for a page.</summary>
    public static ScanCall Of(ClientNotes notes, ScanRequest scan, int keys, string after = "")
    {
        using var body = new FrameBuffer();
        scan.Encode(body);
        return new ScanCall(notes, scan, keys, after) { Body = body.Written.ToArray() };
    }

    public override void Record((FrameType Type, byte[] Body)? reply, long nowNs)
    {
        if (reply is not { } answer) return;
        if (answer.Type == FrameType.Error)
        {
            var error = ErrorReply.Decode(answer.Body);
            notes.AddReadError(error.Code, error.Outcome, error.Message);
            return;
        }

        var page = ScanReply.Decode(answer.Body);
        Record(page, nowNs);
        if (page.More) Next = Of(notes, scan with { Cursor = page.Cursor.ToArray() }, keys, Encoding.UTF8.GetString(page.Records[^1].Key.Span));
    }

    /// <summary>A page is a read of every key that it covers, those that are not in it included.</summary>
    private void Record(ScanPage page, long nowNs)
    {
        Invariant.Check(!page.More || page.Records.Count > 0); // one that was cut short says where by its last key
        var prefix = Encoding.UTF8.GetString(scan.Prefix.Span);
        var records = page.Records.Select(r => (Key: Encoding.UTF8.GetString(r.Key.Span), Record: r)).ToList();
        notes.Add(new ObservedPage(notes.Number, prefix, after, (int)scan.LimitRecords, [.. records.Select(r => r.Key)], InvokedNs, nowNs));
        var found = records.DistinctBy(r => r.Key).ToDictionary(r => r.Key, r => r.Record);
        for (var i = 0; i < keys; i++)
        {
            var key = $"{prefix}{i}";
            if (string.CompareOrdinal(key, after) <= 0 || (page.More && string.CompareOrdinal(key, records[^1].Key) > 0)) continue;
            var isThere = found.TryGetValue(key, out var record);
            notes.Add(new ObservedRead
            {
                Client = notes.Number,
                Key = key,
                Partition = notes.PartitionOf(key),
                Consistency = scan.Consistency,
                Achieved = page.Achieved,
                InvokedNs = InvokedNs,
                CompletedNs = nowNs,
                Value = isThere ? TaggedValue.WordOf(record.Value.Span) : null,
                Revision = isThere ? record.Revision : WireRevision.None,
                StalenessMs = page.StalenessMs,
                ServedBy = page.Served.Count == 1 ? page.Served[0].Node : (ushort)0,
                IsScan = true,
            });
        }
    }
}
