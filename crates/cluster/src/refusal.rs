//! Refusals, a codespace for each part.

/// Codespace `cluster_supply`.
pub mod supply {
    use ledger::Rejection;

    fn refuse(code: u32, message: String) -> Rejection {
        Rejection::new("cluster_supply", code, message)
    }

    /// 2
    pub fn invalid(why: impl std::fmt::Display) -> Rejection {
        refuse(2, format!("offer refused: {why}"))
    }

    /// 3
    pub fn not_found(id: &str) -> Rejection {
        refuse(3, format!("no devices of {id} are offered: its owner offers them first"))
    }

    /// 4
    pub fn in_use(id: &str, hired: u32) -> Rejection {
        refuse(4, format!("{hired} devices of {id} are hired: pause it, and do this when they are given back"))
    }

    /// 5
    pub fn no_class(class: &str, known: &str) -> Rejection {
        refuse(5, format!("there is no class {class:?}; there are: {known}"))
    }

    /// 6
    pub fn too_late(why: impl std::fmt::Display) -> Rejection {
        refuse(6, format!("proof refused: {why}"))
    }

    /// 7
    pub fn not_drawn(why: impl std::fmt::Display) -> Rejection {
        refuse(7, format!("verdict refused: {why}"))
    }

    /// 8
    pub fn blocked(id: &str, why: &str) -> Rejection {
        refuse(8, format!("{id} is blocked: {why}"))
    }

    /// 9
    pub fn invalid_param(why: impl std::fmt::Display) -> Rejection {
        refuse(9, format!("parameter invalid: {why}"))
    }

    /// 10
    pub fn no_provider(owner: &str) -> Rejection {
        refuse(10, format!("{owner} is no registered provider"))
    }

    /// 11
    pub fn no_appeal(why: impl std::fmt::Display) -> Rejection {
        refuse(11, format!("appeal refused: {why}"))
    }
}

/// Codespace `cluster`.
pub mod hire {
    use ledger::Rejection;

    fn refuse(code: u32, message: String) -> Rejection {
        Rejection::new("cluster", code, message)
    }

    /// 2
    pub fn invalid(why: impl std::fmt::Display) -> Rejection {
        refuse(2, format!("refused: {why}"))
    }

    /// 3
    pub fn not_found(id: &str) -> Rejection {
        refuse(3, format!("there is no cluster {id}"))
    }

    /// 4
    pub fn no_quote(id: &str) -> Rejection {
        refuse(4, format!("there is no quote {id}: it was never given, or its blocks are over; ask for another"))
    }

    /// 5
    pub fn used(id: &str) -> Rejection {
        refuse(5, format!("{id} was used before; choose another number"))
    }

    /// 6
    pub fn not_enough(wanted: u32, found: u32, why: &str) -> Rejection {
        refuse(6, format!("{found} of {wanted} devices are there for this: {why}"))
    }

    /// 7
    pub fn too_little(deposit: u128, wanted: u128, denom: &str) -> Rejection {
        refuse(7, format!("the deposit of {deposit}{denom} does not cover the whole time, which costs {wanted}{denom}"))
    }

    /// 8
    pub fn ended(id: &str, state: &str) -> Rejection {
        refuse(8, format!("cluster {id} has ended: it is {state}"))
    }

    /// 9
    pub fn not_yours(what: &str) -> Rejection {
        refuse(9, format!("only {what} may do this"))
    }

    /// 11
    pub fn gone(offer: &str) -> Rejection {
        refuse(11, format!("capacity gone: another hired the last device of {offer}; take the next offer"))
    }

    /// 10
    pub fn no_node(number: u32) -> Rejection {
        refuse(10, format!("the cluster has no live node {number} of this offer"))
    }
}
