using System.Globalization;

namespace KvStore.Daemon.Config;

/// <summary>Turns texts into numbers and addresses; every refusal names the key, the text, its origin and what would be right.</summary>
internal static class ConfigValues
{
    public static int Count(ConfigValue value, int least, int most)
    {
        if (int.TryParse(value.Text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most) return number;
        throw Refuse(value, $"a whole number from {least} to {most}");
    }

    public static bool Switch(ConfigValue value) => value.Text switch
    {
        "true" => true,
        "false" => false,
        _ => throw Refuse(value, "true or false"),
    };

    public static long Bytes(ConfigValue value, long least, long most)
    {
        if (SizeText.TryParse(value.Text, out var bytes) && bytes >= least && bytes <= most) return bytes;
        throw Refuse(value, $"a size from {SizeText.Format(least)} to {SizeText.Format(most)}, such as {value.Setting.Default}");
    }

    public static int Milliseconds(ConfigValue value, int least, int most)
    {
        if (DurationText.TryParse(value.Text, out var milliseconds) && milliseconds >= least && milliseconds <= most) return (int)milliseconds;
        throw Refuse(value, $"a duration from {DurationText.Format(least)} to {DurationText.Format(most)}, such as {value.Setting.Default}");
    }

    public static HostPort Address(ConfigValue value) =>
        HostPort.TryParse(value.Text, out var address) ? address : throw Refuse(value, "HOST:PORT with a port from 1 to 65535");

    /// <summary>An address that can be bound without a resolver.</summary>
    public static HostPort ListenAddress(ConfigValue value)
    {
        var address = Address(value);
        return address.ToEndPoint() is not null ? address : throw Refuse(value, "an IP address (or localhost) and a port: a name may resolve to several addresses");
    }

    /// <summary>1 to 64 letters, digits, dots, hyphens and underscores: safe in tables, labels and file names.</summary>
    public static string Name(ConfigValue value, bool mayBeEmpty)
    {
        const int longest = 64;
        var text = value.Text;
        if (text.Length == 0 && mayBeEmpty) return text;
        if (text.Length is > 0 and <= longest && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_')) return text;
        throw Refuse(value, $"1 to {longest} letters, digits, dots, hyphens or underscores");
    }

    public static string Directory(ConfigValue value) =>
        value.Text.Length > 0 && !value.Text.Contains('\0') ? Path.GetFullPath(value.Text) : throw Refuse(value, "a directory");

    public static ConfigException Refuse(ConfigValue value, string wanted) =>
        new($"{value.Setting.Key} = \"{value.Text}\" (from {value.Origin}) cannot be used: it must be {wanted}");
}
