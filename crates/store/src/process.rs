use std::fmt;

/// The process that works on a store: who is named when another one has to wait, and to whom a lease belongs.
///
/// It is only for people to read. Whether an owner still lives is known from a lock that the system drops with its process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessIdentity {
    /// The program's name, such as `strata`.
    pub program: String,
    /// The process's number.
    pub pid: u32,
}

impl ProcessIdentity {
    /// Returns the identity of the calling process under a program name.
    pub fn of_this_process(program: &str) -> Self {
        Self {
            program: program.to_owned(),
            pid: std::process::id(),
        }
    }
}

impl fmt::Display for ProcessIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (process {})", self.program, self.pid)
    }
}
