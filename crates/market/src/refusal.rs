//! Refusals with the codes and phrases that clients of Akash test for (spec/akash.md 1.13; the numbers are the
//! positions in the error lists of `x/deployment` and `x/market`).

/// Codespace `deployment`.
pub mod deployment {
    use ledger::Rejection;

    fn refuse(code: u32, message: String) -> Rejection {
        Rejection::new("deployment", code, message)
    }

    /// 3
    pub fn exists(id: &str) -> Rejection {
        refuse(3, format!("Deployment exists: {id} was used before; choose another dseq"))
    }

    /// 4
    pub fn not_found(id: &str) -> Rejection {
        refuse(4, format!("Deployment not found: {id}"))
    }

    /// 5
    pub fn closed(id: &str) -> Rejection {
        refuse(5, format!("Deployment closed: {id}"))
    }

    /// 7
    pub fn invalid_groups(why: impl std::fmt::Display) -> Rejection {
        refuse(7, format!("Invalid groups: {why}"))
    }

    /// 8
    pub fn invalid_id(why: &str) -> Rejection {
        refuse(8, format!("Invalid: deployment id: {why}"))
    }

    /// 9
    pub fn empty_hash() -> Rejection {
        refuse(9, "Invalid: empty hash; send the SHA-256 of the manifest".to_owned())
    }

    /// 10
    pub fn invalid_hash(why: &str) -> Rejection {
        refuse(10, format!("Invalid: deployment hash: {why}"))
    }

    /// 13
    pub fn invalid_group_id(why: &str) -> Rejection {
        refuse(13, format!("Invalid: group id: {why}"))
    }

    /// 14
    pub fn group_not_found(id: &str) -> Rejection {
        refuse(14, format!("Group not found: {id}"))
    }

    /// 15
    pub fn group_closed(id: &str) -> Rejection {
        refuse(15, format!("Group already closed: {id}"))
    }

    /// 16
    pub fn group_open(id: &str) -> Rejection {
        refuse(16, format!("Group open: {id} needs no start"))
    }

    /// 17
    pub fn group_paused(id: &str) -> Rejection {
        refuse(17, format!("Group paused: {id}"))
    }

    /// 20
    pub fn invalid_deposit(why: impl std::fmt::Display) -> Rejection {
        refuse(20, format!("Deposit invalid: {why}"))
    }

    /// 22
    pub fn invalid_param(why: impl std::fmt::Display) -> Rejection {
        refuse(22, format!("parameter invalid: {why}"))
    }

    /// 24
    pub fn invalid_price(why: impl std::fmt::Display) -> Rejection {
        refuse(24, format!("Invalid price: {why}"))
    }

    /// 25
    pub fn duplicate_group(name: &str) -> Rejection {
        refuse(25, format!("Duplicate group name: {name:?} occurs twice in the deployment"))
    }

    /// 26
    pub fn invalid_reclamation(why: impl std::fmt::Display) -> Rejection {
        refuse(26, format!("Invalid reclamation: {why}"))
    }
}

/// Codespace `market`.
pub mod market {
    use ledger::Rejection;

    fn refuse(code: u32, message: String) -> Rejection {
        Rejection::new("market", code, message)
    }

    /// 2
    pub fn same_account(owner: &str) -> Rejection {
        refuse(2, format!("owner and provider are the same account: {owner} cannot bid on its own order"))
    }

    /// 4
    pub fn bid_over_order(bid: impl std::fmt::Display, order: impl std::fmt::Display) -> Rejection {
        refuse(4, format!("bid price above max order price: {bid} is more than {order}"))
    }

    /// 5
    pub fn attribute_mismatch(why: impl std::fmt::Display) -> Rejection {
        refuse(5, format!("attribute mismatch: {why}"))
    }

    /// 6
    pub fn unknown_bid(id: &str) -> Rejection {
        refuse(6, format!("unknown bid: bid not found: {id}"))
    }

    /// 7
    pub fn unknown_lease(id: &str) -> Rejection {
        refuse(7, format!("unknown lease: lease not found: {id}"))
    }

    /// 8
    pub fn unknown_lease_for_bid(id: &str) -> Rejection {
        refuse(8, format!("unknown lease for bid: {id}"))
    }

    /// 10
    pub fn lease_not_active(id: &str) -> Rejection {
        refuse(10, format!("lease not active: {id}"))
    }

    /// 11
    pub fn bid_not_active(id: &str) -> Rejection {
        refuse(11, format!("bid not active: {id}"))
    }

    /// 12
    pub fn bid_not_open(id: &str) -> Rejection {
        refuse(12, format!("bid not open: {id} was closed, lost or taken before"))
    }

    /// 13
    pub fn order_not_open(id: &str) -> Rejection {
        refuse(13, format!("order not open: {id}"))
    }

    /// 15
    pub fn order_not_found(id: &str) -> Rejection {
        refuse(15, format!("order not found: {id}"))
    }

    /// 17
    pub fn group_not_open(id: &str) -> Rejection {
        refuse(17, format!("group not open: {id}"))
    }

    /// 18
    pub fn bid_not_found(id: &str) -> Rejection {
        refuse(18, format!("bid not found: {id}"))
    }

    /// 19
    pub fn zero_price() -> Rejection {
        refuse(19, "zero price: a bid must ask for something".to_owned())
    }

    /// 20
    pub fn lease_not_found(id: &str) -> Rejection {
        refuse(20, format!("lease not found: {id}"))
    }

    /// 21
    pub fn bid_exists(id: &str) -> Rejection {
        refuse(21, format!("bid exists: {id}; a provider has one bid per order, also once it is closed"))
    }

    /// 22
    pub fn invalid_price(why: impl std::fmt::Display) -> Rejection {
        refuse(22, format!("bid price is invalid: {why}"))
    }

    /// 23
    pub fn order_active(id: &str) -> Rejection {
        refuse(23, format!("order active: {id} has its lease already"))
    }

    /// 24
    pub fn order_closed(id: &str) -> Rejection {
        refuse(24, format!("order closed: {id}"))
    }

    /// 28
    pub fn invalid_deposit(why: impl std::fmt::Display) -> Rejection {
        refuse(28, format!("Deposit invalid: {why}"))
    }

    /// 29
    pub fn invalid_param(why: impl std::fmt::Display) -> Rejection {
        refuse(29, format!("parameter invalid: {why}"))
    }

    /// 30
    pub fn unknown_provider(provider: &str) -> Rejection {
        refuse(30, format!("unknown provider: {provider} is not registered"))
    }

    /// 31
    pub fn invalid_bid(why: impl std::fmt::Display) -> Rejection {
        refuse(31, format!("unable to create bid: {why}"))
    }

    /// 32
    pub fn capabilities_mismatch(why: impl std::fmt::Display) -> Rejection {
        refuse(32, format!("capabilities mismatch: {why}"))
    }

    /// 33
    pub fn invalid_reason(reason: i32) -> Rejection {
        refuse(33, format!("invalid lease closed reason: {reason}; a provider gives one of 10000 to 10003"))
    }

    /// 35
    pub fn not_reclaimable(id: &str) -> Rejection {
        refuse(35, format!("lease does not have reclamation configured: {id}"))
    }

    /// 36
    pub fn already_reclaiming(id: &str) -> Rejection {
        refuse(36, format!("reclamation already in progress: {id}"))
    }

    /// 37
    pub fn reclamation_not_started(id: &str) -> Rejection {
        refuse(37, format!("reclamation not started: send MsgLeaseStartReclaim for {id} first"))
    }

    /// 38
    pub fn window_not_elapsed(deadline: i64, now: i64) -> Rejection {
        refuse(38, format!("reclamation window has not elapsed: it ends at second {deadline}, it is {now}"))
    }

    /// 39
    pub fn window_out_of_bounds(why: impl std::fmt::Display) -> Rejection {
        refuse(39, format!("reclamation window outside governance bounds: {why}"))
    }

    /// 40
    pub fn reclamation_required(id: &str) -> Rejection {
        refuse(40, format!("order requires reclamation but bid does not offer it: {id}"))
    }

    /// 41
    pub fn window_too_short(why: impl std::fmt::Display) -> Rejection {
        refuse(41, format!("reclamation window shorter than order minimum: {why}"))
    }
}
