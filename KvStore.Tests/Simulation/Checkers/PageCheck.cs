namespace KvStore.Tests.Simulation.Checkers;

/// <summary>
/// The keys of a page ascend, are those that were asked for, begin after the page before, and are no more than was asked. (That none is left
/// out is for the other checks: a page is a read of every key from its beginning to its last.)
/// </summary>
internal sealed class PageCheck : IHistoryCheck
{
    public string Name => "pages";

    public IEnumerable<string> Check(ObservedHistory history)
    {
        foreach (var page in history.Pages)
        {
            if (page.Keys.Count > page.Limit) yield return $"more records than were asked for: {page}";
            var before = page.After;
            foreach (var key in page.Keys)
            {
                if (string.CompareOrdinal(key, before) <= 0) yield return $"'{key}' after '{before}': {page}";
                if (!key.StartsWith(page.Prefix, StringComparison.Ordinal)) yield return $"'{key}' was not asked for: {page}";
                before = key;
            }
        }
    }
}
