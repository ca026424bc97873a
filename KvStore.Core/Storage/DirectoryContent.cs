using System.Globalization;
using KvStore.Core.Io;
using KvStore.Core.Storage.Manifest;

namespace KvStore.Core.Storage;

/// <summary>The files of a storage directory, by their names.</summary>
internal sealed class DirectoryContent
{
    private const string TableSuffix = ".sst";
    private const string TemporarySuffix = ".tmp";
    private const string ManifestPrefix = "MANIFEST-";

    private readonly IFileSystem _fs;
    private readonly string _directory;
    private readonly IReadOnlyList<string> _names;
    private readonly SortedDictionary<ulong, string> _manifests = [];
    private readonly SortedDictionary<ulong, string> _tables = [];

    public DirectoryContent(IFileSystem fs, string directory)
    {
        _fs = fs;
        _directory = directory;
        _names = fs.List(directory);
        foreach (var name in _names)
        {
            if (name.StartsWith(ManifestPrefix, StringComparison.Ordinal) && TryParse(name[ManifestPrefix.Length..], out var manifest))
                _manifests[manifest] = name;
            else if (name.EndsWith(TableSuffix, StringComparison.Ordinal) && TryParse(name[..^TableSuffix.Length], out var table))
                _tables[table] = name;
        }
    }

    public bool HasCurrent => _names.Contains(CurrentFile.Name);

    public IReadOnlyCollection<ulong> Tables => _tables.Keys;

    /// <summary>A table number greater than those in use.</summary>
    public ulong NextNumber => _tables.Count == 0 ? 1 : _tables.Keys.Last() + 1;

    public ulong NextManifest => _manifests.Count == 0 ? 1 : _manifests.Keys.Last() + 1;

    /// <summary>Deletes temporary files, other manifests and tables that the state does not name.</summary>
    public void DeleteUnnamed(ManifestState state, ulong manifest)
    {
        foreach (var name in _names.Where(name => name.EndsWith(TemporarySuffix, StringComparison.Ordinal))) Delete(name);
        foreach (var (_, name) in _manifests.Where(entry => entry.Key != manifest)) Delete(name);
        foreach (var (_, name) in _tables.Where(entry => !state.Tables.ContainsKey(entry.Key))) Delete(name);
    }

    private void Delete(string name)
    {
        var path = Path.Combine(_directory, name);
        if (_fs.FileExists(path)) _fs.Delete(path);
    }

    private static bool TryParse(string digits, out ulong number) => ulong.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
