namespace KvStore.Core.Ring;

/// <summary>What the topology wants of a member. Whether it is alive is not the topology's business. The numbers are part of the document format.</summary>
public enum MemberState : byte
{
    /// <summary>Holds replicas.</summary>
    Active = 1,

    /// <summary>Is being given its first replicas.</summary>
    Joining = 2,

    /// <summary>Is being drained: gets no replicas, those it holds move away.</summary>
    Leaving = 3,
}
