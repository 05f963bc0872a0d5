//! Refusals, a codespace for each part.

/// Codespace `render_node`.
pub mod node {
    use ledger::Rejection;

    fn refuse(code: u32, message: String) -> Rejection {
        Rejection::new("render_node", code, message)
    }

    /// 2
    pub fn invalid(why: impl std::fmt::Display) -> Rejection {
        refuse(2, format!("render node refused: {why}"))
    }

    /// 3
    pub fn not_found(id: &str) -> Rejection {
        refuse(3, format!("render node not found: {id}"))
    }

    /// 4
    pub fn enabled(id: &str, state: &str) -> Rejection {
        refuse(4, format!("render node {id} is {state}; disable it before it is enabled with something else"))
    }

    /// 5
    pub fn banned(id: &str) -> Rejection {
        refuse(5, format!("render node {id} is banned: it was proven wrong too often"))
    }

    /// 6
    pub fn not_enabled(id: &str, state: &str) -> Rejection {
        refuse(6, format!("render node {id} is {state}: enable it first"))
    }

    /// 7
    pub fn not_trusted(id: &str) -> Rejection {
        refuse(7, format!("render node {id} is not named trusted; take TIER_PRIORITY or TIER_ECONOMY"))
    }

    /// 8
    pub fn no_provider(owner: &str) -> Rejection {
        refuse(8, format!("{owner} is no registered provider"))
    }

    /// 9
    pub fn leaves_later(id: &str, why: &str) -> Rejection {
        refuse(9, format!("render node {id} cannot be paid what is kept back: {why}"))
    }
}

/// Codespace `render_job`.
pub mod job {
    use ledger::Rejection;

    fn refuse(code: u32, message: String) -> Rejection {
        Rejection::new("render_job", code, message)
    }

    /// 2
    pub fn invalid(why: impl std::fmt::Display) -> Rejection {
        refuse(2, format!("render job refused: {why}"))
    }

    /// 3
    pub fn exists(id: &str) -> Rejection {
        refuse(3, format!("render job exists: {id} was used before; choose another jseq"))
    }

    /// 4
    pub fn not_found(id: &str) -> Rejection {
        refuse(4, format!("render job not found: {id}"))
    }

    /// 5
    pub fn ended(id: &str, state: &str) -> Rejection {
        refuse(5, format!("render job {id} has ended: {state}"))
    }

    /// 6
    pub fn frame_not_found(id: &str) -> Rejection {
        refuse(6, format!("unit not found: {id}"))
    }

    /// 7
    pub fn not_assigned(id: &str, attempt: u32) -> Rejection {
        refuse(7, format!("unit {id} is not assigned to this node as attempt {attempt}"))
    }

    /// 8
    pub fn unknown_code(code: &str, known: &str) -> Rejection {
        refuse(8, format!("unknown failure code {code:?}; one of {known}"))
    }

    /// 9
    pub fn nothing_to_review(id: &str) -> Rejection {
        refuse(9, format!("no unit of {id} that was named waits for review"))
    }
}

/// Codespace `render_proof`.
pub mod proof {
    use ledger::Rejection;

    fn refuse(code: u32, message: String) -> Rejection {
        Rejection::new("render_proof", code, message)
    }

    /// 2
    pub fn invalid(why: impl std::fmt::Display) -> Rejection {
        refuse(2, format!("proof refused: {why}"))
    }

    /// 3
    pub fn not_found(id: &str, attempt: u32) -> Rejection {
        refuse(3, format!("no audit of unit {id}, attempt {attempt}"))
    }

    /// 4
    pub fn wrong_stage(what: &str, stage: &str) -> Rejection {
        refuse(4, format!("{what} comes too early or too late: the audit is in {stage}"))
    }

    /// 5
    pub fn not_yours(what: &str) -> Rejection {
        refuse(5, format!("this node has no part in the audit as {what}"))
    }

    /// 6
    pub fn bad_opening(why: impl std::fmt::Display) -> Rejection {
        refuse(6, format!("opening refused: {why}"))
    }

    /// 7
    pub fn no_appeal(why: impl std::fmt::Display) -> Rejection {
        refuse(7, format!("appeal refused: {why}"))
    }

    /// 8
    pub fn invalid_param(why: impl std::fmt::Display) -> Rejection {
        refuse(8, format!("parameter invalid: {why}"))
    }
}
