using System.Buffers;
using System.Text;
using System.Text.Unicode;

namespace KvStore.Daemon.Ctl.Arguments;

/// <summary>
/// Command-line arguments as the bytes the shell passed. The runtime decodes argv as UTF-8 and turns every other byte into
/// U+FFFD, which would silently name another key; so arguments it damaged are read again from /proc/self/cmdline. Inside,
/// an argument is a string in which a byte that is not part of valid UTF-8 stands as the lone surrogate U+DC00 + byte
/// (the mapping of Python's PEP 383): every byte sequence has exactly one such string, and back.
/// </summary>
internal static class RawArguments
{
    private const char Replacement = '\uFFFD';
    private const char EscapeBase = '\uDC00';

    /// <summary>Begins every argument that stood behind `--`, and others that are never an option or its value. No escaped byte is this character, since bytes below 0x80 are never escaped.</summary>
    private const char LiteralMark = EscapeBase;

    /// <summary>The arguments with their bytes restored from the process's own command line. <paramref name="readCommandLine"/> is called only if an argument was damaged.</summary>
    public static string[] Restore(string[] arguments, Func<byte[]> readCommandLine)
    {
        if (!Array.Exists(arguments, a => a.Contains(Replacement))) return arguments;
        var raw = Split(readCommandLine());
        if (raw.Count < arguments.Length) return arguments;
        raw.RemoveRange(0, raw.Count - arguments.Length);
        for (var i = 0; i < arguments.Length; i++)
        {
            // Another tail than ours: the caller is not the process's entry point. How many U+FFFD stand for
            // a damaged stretch differs between the runtime's decoders, so a damaged argument is not compared.
            var damaged = arguments[i].Contains(Replacement) && !Utf8.IsValid(raw[i]);
            if (!damaged && Encoding.UTF8.GetString(raw[i]) != arguments[i]) return arguments;
        }

        return [.. raw.Select(bytes => Decode(bytes))];
    }

    /// <summary>
    /// Marks what stands behind the first `--` as no options, and drops the `--`. Before it, the words true and false: the library takes one
    /// behind a flag for the flag's value, so that `delete k --strong false` would delete one key, fast.
    /// </summary>
    public static string[] MarkLiterals(string[] arguments)
    {
        var end = Array.IndexOf(arguments, "--");
        var before = end < 0 ? arguments : arguments[..end];
        var behind = end < 0 ? [] : arguments[(end + 1)..];
        return [.. before.Select(a => bool.TryParse(a, out _) ? LiteralMark + a : a), .. behind.Select(a => LiteralMark + a)];
    }

    /// <summary>Whether the argument reads as an option and stood before `--`.</summary>
    public static bool LooksLikeOption(string argument) => argument.Length > 1 && argument[0] == '-';

    /// <summary>The bytes of an argument.</summary>
    public static byte[] ToBytes(string argument)
    {
        var text = WithoutMark(argument);
        var bytes = new ArrayBufferWriter<byte>(text.Length + 16);
        var start = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (!IsEscape(text, i)) continue;
            Encoding.UTF8.GetBytes(text[start..i], bytes);
            bytes.Write([(byte)(text[i] - EscapeBase)]);
            start = i + 1;
        }

        Encoding.UTF8.GetBytes(text[start..], bytes);
        return bytes.WrittenSpan.ToArray();
    }

    /// <summary>The inverse of <see cref="ToBytes"/> for an argument before `--`.</summary>
    public static string Decode(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder(bytes.Length);
        while (!bytes.IsEmpty)
        {
            var status = Rune.DecodeFromUtf8(bytes, out var rune, out var consumed);
            if (status == OperationStatus.Done)
            {
                text.Append(rune.ToString());
            }
            else
            {
                foreach (var b in bytes[..consumed]) text.Append((char)(EscapeBase + b));
            }

            bytes = bytes[consumed..];
        }

        return text.ToString();
    }

    /// <summary>An argument without the mark of `--`.</summary>
    public static ReadOnlySpan<char> WithoutMark(string argument) =>
        argument.Length > 0 && argument[0] == LiteralMark ? argument.AsSpan(1) : argument;

    /// <summary>A message as it may be printed: marks removed, escaped bytes as \xNN.</summary>
    public static string Printable(string message)
    {
        var text = new StringBuilder(message.Length);
        for (var i = 0; i < message.Length; i++)
        {
            if (message[i] == LiteralMark && !(i > 0 && char.IsHighSurrogate(message[i - 1]))) continue;
            if (IsEscape(message, i)) text.Append($"\\x{message[i] - EscapeBase:x2}");
            else text.Append(message[i]);
        }

        return text.ToString();
    }

    // The second half of a surrogate pair can be the same code unit; then it belongs to the pair.
    private static bool IsEscape(ReadOnlySpan<char> text, int i) =>
        text[i] is >= (char)(EscapeBase + 0x80) and <= (char)(EscapeBase + 0xFF)
        && !(i > 0 && char.IsHighSurrogate(text[i - 1]));

    private static List<byte[]> Split(ReadOnlySpan<byte> commandLine)
    {
        var arguments = new List<byte[]>();
        while (commandLine.IndexOf((byte)0) is var end && end >= 0)
        {
            arguments.Add(commandLine[..end].ToArray());
            commandLine = commandLine[(end + 1)..];
        }

        return arguments;
    }
}
