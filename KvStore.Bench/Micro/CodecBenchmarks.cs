using System.Buffers;
using BenchmarkDotNet.Attributes;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;

namespace KvStore.Bench.Micro;

/// <summary>A put and a get on the wire: what client and server spend on bytes alone, per request. 16 B keys.</summary>
[MemoryDiagnoser]
public class CodecBenchmarks
{
    private readonly FrameBuffer _buffer = new();
    private readonly byte[] _key = "key:000000012345"u8.ToArray();
    private byte[] _value = [];
    private byte[] _putFrame = [];

    [Params(256, 4096)]
    public int ValueBytes { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _value = new byte[ValueBytes];
        new Core.Primitives.Prng(1).Fill(_value);
        EncodePut();
        _putFrame = _buffer.Written.ToArray();
    }

    [Benchmark]
    public int EncodePut()
    {
        _buffer.Clear();
        int start = FrameWriter.Begin(_buffer, FrameType.Write, 42);
        WriteRequest.Encode(_buffer, WriteMode.Strong, WriteKind.Put, _key, _value);
        FrameWriter.End(_buffer, start);
        return _buffer.Length;
    }

    [Benchmark]
    public int DecodePut()
    {
        var received = new ReadOnlySequence<byte>(_putFrame);
        FrameReader.TryRead(ref received, Limits.FrameBytes, out Frame frame);
        int bytes = 0;
        foreach (WriteOperationView operation in WriteRequestView.Decode(frame.Body.FirstSpan))
            bytes += operation.Key.Length + operation.Value.Length;
        return bytes;
    }

    [Benchmark]
    public int EncodeGet()
    {
        _buffer.Clear();
        int start = FrameWriter.Begin(_buffer, FrameType.Get, 42);
        GetRequest.Encode(_buffer, ReadConsistency.Local, _key);
        FrameWriter.End(_buffer, start);
        return _buffer.Length;
    }
}
