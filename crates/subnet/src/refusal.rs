//! Refusals, a codespace for each part.

/// Codespace `subnet_key`.
pub mod key {
    use ledger::Rejection;

    fn refuse(code: u32, message: String) -> Rejection {
        Rejection::new("subnet_key", code, message)
    }

    /// 2
    pub fn invalid(why: impl std::fmt::Display) -> Rejection {
        refuse(2, format!("hotkey refused: {why}"))
    }

    /// 3
    pub fn not_found(hotkey: &str) -> Rejection {
        refuse(3, format!("hotkey {hotkey} is not bound on this chain: its owner binds it first"))
    }

    /// 4
    pub fn not_yours(hotkey: &str, what: &str, owner: &str) -> Rejection {
        refuse(4, format!("{what} of hotkey {hotkey} is {owner}; only that account may do this"))
    }

    /// 5
    pub fn bad_signature(sequence: u64) -> Rejection {
        let why = "the hotkey's signature does not fit what it should have signed";
        refuse(5, format!("{why}: as sequence {sequence}, this chain and these accounts"))
    }

    /// 6
    pub fn too_early(what: &str, height: u64) -> Rejection {
        refuse(6, format!("{what} is possible again at height {height}"))
    }

    /// 7
    pub fn no_stake(hotkey: &str, wanted: u64, there: u64) -> Rejection {
        refuse(7, format!("{there}nwit are staked to {hotkey}, fewer than {wanted}nwit"))
    }
}

/// Codespace `subnet`.
pub mod network {
    use ledger::Rejection;

    fn refuse(code: u32, message: String) -> Rejection {
        Rejection::new("subnet", code, message)
    }

    /// 2
    pub fn invalid(why: impl std::fmt::Display) -> Rejection {
        refuse(2, format!("subnet refused: {why}"))
    }

    /// 3
    pub fn not_found(netuid: u32) -> Rejection {
        refuse(3, format!("there is no subnet {netuid}"))
    }

    /// 4
    pub fn not_the_owner(netuid: u32, owner: &str) -> Rejection {
        refuse(4, format!("subnet {netuid} is owned by {owner}; only that account may do this"))
    }

    /// 5
    pub fn too_dear(what: &str, cost: u64, limit: u64) -> Rejection {
        refuse(5, format!("{what} costs {cost}nwit now, more than the limit of {limit}nwit: raise the limit, or wait"))
    }

    /// 6
    pub fn too_early(what: &str, height: u64) -> Rejection {
        refuse(6, format!("{what} is possible again at height {height}"))
    }

    /// 7
    pub fn full(why: impl std::fmt::Display) -> Rejection {
        refuse(7, format!("there is no room: {why}"))
    }

    /// 8
    pub fn registered(netuid: u32, uid: u32) -> Rejection {
        refuse(8, format!("the hotkey is uid {uid} of subnet {netuid} already"))
    }

    /// 9
    pub fn not_registered(netuid: u32, hotkey: &str) -> Rejection {
        refuse(9, format!("hotkey {hotkey} has no uid in subnet {netuid}: register it first"))
    }

    /// 10
    pub fn invalid_param(why: impl std::fmt::Display) -> Rejection {
        refuse(10, format!("parameter invalid: {why}"))
    }
}

/// Codespace `subnet_weight`.
pub mod weight {
    use ledger::Rejection;

    fn refuse(code: u32, message: String) -> Rejection {
        Rejection::new("subnet_weight", code, message)
    }

    /// 2
    pub fn invalid(why: impl std::fmt::Display) -> Rejection {
        refuse(2, format!("weights refused: {why}"))
    }

    /// 3
    pub fn too_little_stake(there: u64, least: u64) -> Rejection {
        refuse(3, format!("the hotkey has {there}nwit at stake; who weighs needs {least}nwit"))
    }

    /// 4
    pub fn old_version(version: u64, least: u64) -> Rejection {
        refuse(4, format!("weights of version {version} are not taken any more: the subnet asks for {least}"))
    }

    /// 5
    pub fn too_early(height: u64) -> Rejection {
        refuse(5, format!("weights may be set again at height {height}"))
    }

    /// 6
    pub fn no_permit(uid: u32) -> Rejection {
        refuse(6, format!("uid {uid} has no validator permit; the next epoch gives permits to those with most stake"))
    }

    /// 7
    pub fn commit_first(netuid: u32) -> Rejection {
        refuse(7, format!("subnet {netuid} has commit-reveal on: commit to weights, and reveal them later"))
    }

    /// 8
    pub fn commitment(why: impl std::fmt::Display) -> Rejection {
        refuse(8, format!("commitment refused: {why}"))
    }

    /// 9
    pub fn no_seat(there: u64, lowest: u64) -> Rejection {
        refuse(9, format!("root is full: a seat needs more stake than {lowest}nwit, the hotkey has {there}nwit"))
    }
}
