//! What went wrong, why, and what to do next; one exit code per class of failure.

use std::fmt;
use std::process::ExitCode;

/// Classes of failure, each with its exit code. 0 is success; clap's own usage errors exit with 2 as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// 1: something else, most likely a defect.
    Internal,
    /// 2: the command line, a file or a value is wrong.
    Usage,
    /// 3: what was asked for does not exist.
    NotFound,
    /// 4: the chain refused.
    Rejected,
    /// 5: a node or a provider does not answer.
    Unreachable,
    /// 6: time ran out, for example without a bid.
    Timeout,
    /// 7: this machine lacks something: root, a tool, space, a port.
    Machine,
    /// 8: the provider refused.
    Provider,
    /// 130: stopped by ctrl-C.
    Stopped,
}

impl Class {
    /// The exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Internal => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::Rejected => 4,
            Self::Unreachable => 5,
            Self::Timeout => 6,
            Self::Machine => 7,
            Self::Provider => 8,
            Self::Stopped => 130,
        }
    }
}

impl Class {
    /// The class that an exit code stands for.
    pub fn of_code(code: i32) -> Option<Self> {
        let all = [
            Self::Internal,
            Self::Usage,
            Self::NotFound,
            Self::Rejected,
            Self::Unreachable,
            Self::Timeout,
            Self::Machine,
            Self::Provider,
            Self::Stopped,
        ];
        all.into_iter().find(|class| i32::from(class.code()) == code)
    }
}

/// A failed command.
#[derive(Debug)]
pub struct CliError {
    class: Class,
    what: String,
    hints: Vec<String>,
}

/// Result of a command.
pub type Result<T = ()> = std::result::Result<T, CliError>;

impl CliError {
    /// A failure of a class; `what` says what happened and why.
    pub fn new(class: Class, what: impl fmt::Display) -> Self {
        Self { class, what: what.to_string(), hints: Vec::new() }
    }

    /// Adds what to do next.
    pub fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.hints.push(hint.to_string());
        self
    }

    /// Its class.
    pub fn class(&self) -> Class {
        self.class
    }

    /// Prints it to stderr and gives the exit code.
    pub fn report(&self) -> ExitCode {
        eprintln!("{self}");
        ExitCode::from(self.class.code())
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.what)?;
        self.hints.iter().try_for_each(|hint| write!(f, "\n  hint: {hint}"))
    }
}

/// Gives a foreign error its class.
pub trait Classify<T> {
    /// The value, or the error under a class.
    fn class(self, class: Class) -> Result<T>;
}

impl<T, E: fmt::Display> Classify<T> for std::result::Result<T, E> {
    fn class(self, class: Class) -> Result<T> {
        self.map_err(|error| CliError::new(class, error))
    }
}

impl From<client::NodeError> for CliError {
    fn from(error: client::NodeError) -> Self {
        use client::NodeError;
        match &error {
            NodeError::Unreachable { .. } => Self::new(Class::Unreachable, &error)
                .hint("is the network up? `tetra up` starts a local one; `--node URL` names another"),
            NodeError::NotIncluded { .. } => Self::new(Class::Timeout, &error),
            error if error.is_not_found() => Self::new(Class::NotFound, error),
            NodeError::Rejected { .. } | NodeError::Query { .. } | NodeError::Refused { .. } => {
                Self::new(Class::Rejected, &error)
            }
            NodeError::Garbled { .. } => Self::new(Class::Internal, &error),
        }
    }
}

impl From<client::GatewayError> for CliError {
    fn from(error: client::GatewayError) -> Self {
        use client::GatewayError;
        let class = match &error {
            GatewayError::Refused { status: 404, .. } => Class::NotFound,
            GatewayError::Refused { .. } => Class::Provider,
            GatewayError::Unreachable { .. } | GatewayError::Address { .. } | GatewayError::Untrusted { .. } => {
                Class::Unreachable
            }
            GatewayError::Timeout { .. } => Class::Timeout,
            GatewayError::Garbled { .. } => Class::Internal,
        };
        Self::new(class, error)
    }
}
