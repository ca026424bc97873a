using System.Globalization;

namespace KvStore.Daemon.Ctl.Documents;

/// <summary>Cluster ids as text: 32 hexadecimal digits.</summary>
internal static class ClusterIdText
{
    public const string Pattern = "^[0-9a-f]{32}$";

    public static string Write(UInt128 id) => id.ToString("x32", CultureInfo.InvariantCulture);

    /// <summary>Reads an id; false for anything but 32 hexadecimal digits that are not all 0.</summary>
    public static bool TryParse(string text, out UInt128 id)
    {
        id = default;
        return text.Length == 32 && UInt128.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out id) && id != 0;
    }
}
