/// The process that works on a store.
///
/// Its lock file in `locks/` has its number in its name, which is for people to read: numbers are used again, and processes of several
/// containers may have one. Whether an owner still lives is known from the lock, which the system drops with its process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessIdentity {
    /// The process's number.
    pub pid: u32,
}

impl ProcessIdentity {
    /// Returns the identity of the calling process.
    pub fn of_this_process() -> Self {
        Self {
            pid: std::process::id(),
        }
    }
}
