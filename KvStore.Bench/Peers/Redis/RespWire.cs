using System.Buffers.Text;
using System.Text;

namespace KvStore.Bench.Peers.Redis;

/// <summary>RESP2 as far as the benchmark needs it (redis.io, 'Redis serialization protocol specification').</summary>
internal static class RespWire
{
    /// <summary>
    /// Reads one reply at the start of <paramref name="input"/>; false if it is not complete yet.
    /// Throws <see cref="InvalidDataException"/> for anything that is not a scalar reply.
    /// </summary>
    public static bool TryRead(ReadOnlySpan<byte> input, out RespReply reply, out int consumed)
    {
        reply = default;
        consumed = 0;
        int lineEnd = input.IndexOf("\r\n"u8);
        if (lineEnd < 1)
            return false;
        ReadOnlySpan<byte> line = input[1..lineEnd];
        consumed = lineEnd + 2;
        switch (input[0])
        {
            case (byte)'+':
                reply = new RespReply(RespKind.SimpleString, 0, null);
                return true;
            case (byte)'-':
                reply = new RespReply(RespKind.Error, 0, Encoding.UTF8.GetString(line));
                return true;
            case (byte)':':
                reply = new RespReply(RespKind.Integer, Number(line), null);
                return true;
            case (byte)'$':
                long length = Number(line);
                reply = new RespReply(RespKind.BulkString, length, null);
                if (length >= 0)
                    consumed += checked((int)length + 2);
                return input.Length >= consumed;
            default:
                throw new InvalidDataException($"unexpected RESP type 0x{input[0]:x2}");
        }
    }

    /// <summary>Length in bytes of the command that <see cref="WriteCommand"/> would write for these arguments.</summary>
    public static int CommandLength(ReadOnlySpan<byte> verb, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, bool hasValue) =>
        4 + ArgumentLength(verb) + ArgumentLength(key) + (hasValue ? ArgumentLength(value) : 0);

    /// <summary>`*2 verb key` or `*3 verb key value` as an array of bulk strings; returns the bytes written.</summary>
    public static int WriteCommand(Span<byte> output, ReadOnlySpan<byte> verb, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, bool hasValue)
    {
        (hasValue ? "*3\r\n"u8 : "*2\r\n"u8).CopyTo(output);
        int at = 4;
        at += WriteArgument(output[at..], verb);
        at += WriteArgument(output[at..], key);
        if (hasValue)
            at += WriteArgument(output[at..], value);
        return at;
    }

    private static int WriteArgument(Span<byte> output, ReadOnlySpan<byte> argument)
    {
        output[0] = (byte)'$';
        Utf8Formatter.TryFormat(argument.Length, output[1..], out int digits);
        int at = 1 + digits;
        "\r\n"u8.CopyTo(output[at..]);
        argument.CopyTo(output[(at + 2)..]);
        at += 2 + argument.Length;
        "\r\n"u8.CopyTo(output[at..]);
        return at + 2;
    }

    private static int ArgumentLength(ReadOnlySpan<byte> argument)
    {
        int digits = 1;
        for (int rest = argument.Length / 10; rest > 0; rest /= 10)
            digits++;
        return 1 + digits + 2 + argument.Length + 2;
    }

    private static long Number(ReadOnlySpan<byte> text) =>
        Utf8Parser.TryParse(text, out long value, out int used) && used == text.Length
            ? value
            : throw new InvalidDataException("malformed RESP number");
}
