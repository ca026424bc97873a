using System.Text;
using System.Text.Unicode;

namespace KvStore.Daemon.Ctl.Output;

/// <summary>Keys inside sentences: as they are where that is readable, bytes and control characters as \xNN otherwise.</summary>
internal static class KeyText
{
    public static string Display(ReadOnlySpan<byte> key)
    {
        var isText = Utf8.IsValid(key);
        var text = new StringBuilder(key.Length);
        foreach (var rune in isText ? Encoding.UTF8.GetString(key) : Encoding.Latin1.GetString(key))
        {
            if (char.IsControl(rune) || (!isText && rune > '~')) text.Append($"\\x{(int)rune:x2}");
            else text.Append(rune);
        }

        return text.ToString();
    }
}
