namespace KvStore.Core.Raft;

/// <summary>The changes a group can make to its own configuration.</summary>
public enum ConfigurationChangeKind : byte
{
    /// <summary>Adds a member that receives the log and does not vote.</summary>
    AddLearner = 1,

    /// <summary>Makes one learner a voter.</summary>
    Promote,

    /// <summary>Removes one voter or learner.</summary>
    Remove,

    /// <summary>Starts a change to any other set of voters: from here both sets decide.</summary>
    EnterJoint,

    /// <summary>Ends it: from here only the new set decides.</summary>
    LeaveJoint,
}
