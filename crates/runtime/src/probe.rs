//! What is possible on this computer, and what would make more possible.

use std::fmt;

use crate::Identity;
use crate::programs::Programs;

/// What keeps containers from running here, or from running as well as they could.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// The system is not Linux.
    NotLinux,
    /// Neither crun nor runc is installed.
    NoRuntime,
    /// The kernel lets this user make no user namespaces.
    UserNamespacesOff {
        /// The setting that says so, as `sysctl` names it; `None` where it is a sandbox around this program.
        setting: Option<&'static str>,
    },
    /// AppArmor lets programs without a profile make user namespaces in which they may do nothing.
    AppArmor,
    /// The trial failed for another reason.
    Refused {
        /// What was tried.
        step: String,
        /// What the system said.
        message: String,
    },
    /// The user has no ranges of user and group numbers.
    NoRanges,
    /// The programs that map them are missing.
    NoMapPrograms,
    /// The system has ranges for the user and refuses to map them.
    MapRefused {
        /// Its words.
        message: String,
    },
    /// The kernel's overlay cannot be used.
    NoOverlay {
        /// What the system said.
        message: String,
        /// Whether fuse-overlayfs can be used in its place.
        fuse: bool,
    },
    /// No program is there that gives a container a network of its own.
    NoNetworkProgram,
    /// That program may not open the device that it needs.
    NoTunnel,
}

impl Finding {
    /// Tells whether no container can run because of it.
    pub fn prevents(&self) -> bool {
        match self {
            Self::NotLinux
            | Self::NoRuntime
            | Self::UserNamespacesOff { .. }
            | Self::AppArmor
            | Self::Refused { .. }
            | Self::MapRefused { .. } => true,
            Self::NoRanges
            | Self::NoMapPrograms
            | Self::NoOverlay { .. }
            | Self::NoNetworkProgram
            | Self::NoTunnel => false,
        }
    }

    /// Returns what a person can do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::NotLinux => {
                "Attach a Docker Engine or Podman; editing and committing work without."
            }
            Self::NoRuntime => "Install the package crun (or runc).",
            Self::UserNamespacesOff {
                setting: Some("user.max_user_namespaces"),
            } => "Let an administrator run: sysctl -w user.max_user_namespaces=15000",
            Self::UserNamespacesOff { setting: Some(_) } => {
                "Let an administrator run: sysctl -w kernel.unprivileged_userns_clone=1"
            }
            Self::UserNamespacesOff { setting: None } => {
                "Start the program outside of the sandbox (Flatpak, Snap, container) that it is in, or attach a Docker Engine or Podman."
            }
            Self::AppArmor => {
                "Let an administrator run: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or give this program a profile that \
                 allows userns."
            }
            Self::Refused { .. } => {
                "Attach a Docker Engine or Podman; editing and committing work without."
            }
            Self::NoRanges => {
                "Let an administrator run: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER. Until then all files \
                 in a container belong to root, and installing packages in it mostly fails."
            }
            Self::NoMapPrograms => "Install the package uidmap (on Fedora shadow-utils).",
            Self::MapRefused { .. } => {
                "See that newuidmap and newgidmap are set-user-ID or have their capabilities, and that the ranges overlap with no other's."
            }
            Self::NoOverlay { fuse: true, .. } => {
                "Nothing needs to be done: fuse-overlayfs is used, which is slower."
            }
            Self::NoOverlay { fuse: false, .. } => {
                "Install fuse-overlayfs and see that /dev/fuse can be opened. Until then an image's files are copied for each container, \
                 whose changes cannot be told."
            }
            Self::NoNetworkProgram => {
                "Install the package passt (pasta) or slirp4netns. The networks none and host work without."
            }
            Self::NoTunnel => {
                "Let an administrator run: chmod 0666 /dev/net/tun. The networks none and host work without."
            }
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLinux => f.write_str("containers run on Linux only"),
            Self::NoRuntime => f.write_str("no OCI runtime is installed"),
            Self::UserNamespacesOff { setting: Some(setting) } => {
                write!(f, "user namespaces are switched off ({setting})")
            }
            Self::UserNamespacesOff { setting: None } => f.write_str("user namespaces cannot be made here"),
            Self::AppArmor => f.write_str(
                "AppArmor allows user namespaces only to programs that have a profile (kernel.apparmor_restrict_unprivileged_userns)",
            ),
            Self::Refused { step, message } => write!(f, "the system does not let a container be made: cannot {step}: {message}"),
            Self::NoRanges => f.write_str("you have no ranges in /etc/subuid and /etc/subgid, so a container has only one user"),
            Self::NoMapPrograms => f.write_str("newuidmap and newgidmap are missing, so a container has only one user"),
            Self::MapRefused { message } => write!(f, "user and group numbers could not be mapped: {message}"),
            Self::NoOverlay { message, .. } => write!(f, "the kernel's overlay cannot be used: {message}"),
            Self::NoNetworkProgram => f.write_str("neither pasta nor slirp4netns is installed, so a container has no network of its own"),
            Self::NoTunnel => f.write_str("/dev/net/tun cannot be opened, so a container has no network of its own"),
        }
    }
}

/// What was found out about this computer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// The programs, where a runtime is among them.
    pub programs: Option<Programs>,
    /// As whom containers are made.
    pub identity: Option<Identity>,
    /// What is in the way, the gravest first.
    pub findings: Vec<Finding>,
    /// Why a container's memory, CPU and processes cannot be limited; `None` where they can.
    pub no_limits: Option<String>,
}

impl Probe {
    /// Tells whether containers can run.
    pub fn can_run(&self) -> bool {
        !self.findings.iter().any(Finding::prevents)
    }

    /// Tells whether a container can have a network of its own.
    pub fn has_private_network(&self) -> bool {
        let lacks = [Finding::NoNetworkProgram, Finding::NoTunnel];
        self.can_run() && !self.findings.iter().any(|finding| lacks.contains(finding))
    }
}

#[cfg(not(target_os = "linux"))]
impl Probe {
    /// Says that there is nothing to find out.
    pub fn elsewhere() -> Self {
        Self {
            programs: None,
            identity: None,
            findings: vec![Finding::NotLinux],
            no_limits: Some("containers run on Linux only".to_owned()),
        }
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs::OpenOptions;
    use std::path::Path;

    use super::{Finding, Probe};
    use crate::{Error, Failure, Identity};
    use crate::{Runtime, Settings};

    impl Probe {
        /// Finds out what is possible. It tries it, in a folder that is there and on the file system that containers will be on; that
        /// takes some milliseconds and leaves nothing behind.
        ///
        /// # Errors
        /// [`Error::Monitor`] where this very program cannot be started again.
        pub async fn take(settings: Settings, folder: &Path) -> Result<Self, Error> {
            let Ok(runtime) = Runtime::open(settings) else {
                return Ok(Self {
                    programs: None,
                    identity: None,
                    findings: vec![Finding::NoRuntime],
                    no_limits: crate::monitor::hindrance(),
                });
            };
            let mut findings = Vec::new();
            match runtime.try_all(folder).await {
                Ok(()) => {}
                Err(Error::Failure(Failure::Step { step, message })) => {
                    findings.push(refused(&runtime, step, message));
                }
                Err(Error::Mapping { message, .. }) => {
                    findings.push(Finding::MapRefused { message });
                }
                Err(error @ Error::Monitor(_)) => return Err(error),
                Err(error) => findings.push(Finding::Refused {
                    step: "start a monitor".to_owned(),
                    message: error.to_string(),
                }),
            }
            let programs = runtime.programs().clone();
            if let Identity::Single { .. } = runtime.identity() {
                let missing = programs.newuidmap.is_none() || programs.newgidmap.is_none();
                findings.push(if missing {
                    Finding::NoMapPrograms
                } else {
                    Finding::NoRanges
                });
            }
            if programs.pasta.is_none() && programs.slirp4netns.is_none() {
                findings.push(Finding::NoNetworkProgram);
            } else if !opens("/dev/net/tun") {
                findings.push(Finding::NoTunnel);
            }
            findings.sort_by_key(|finding| !finding.prevents());
            Ok(Self {
                identity: Some(runtime.identity()),
                programs: Some(programs),
                findings,
                no_limits: crate::monitor::hindrance(),
            })
        }
    }

    fn refused(runtime: &Runtime, step: String, message: String) -> Finding {
        let says = |file: &str, value: &str| {
            std::fs::read_to_string(file).is_ok_and(|text| text.trim() == value)
        };
        let is_user = runtime.identity() != Identity::Root;
        if is_user && says("/proc/sys/user/max_user_namespaces", "0") {
            return Finding::UserNamespacesOff {
                setting: Some("user.max_user_namespaces"),
            };
        }
        if is_user && says("/proc/sys/kernel/unprivileged_userns_clone", "0") {
            return Finding::UserNamespacesOff {
                setting: Some("kernel.unprivileged_userns_clone"),
            };
        }
        if step.contains("an overlay") {
            let fuse = runtime.programs().fuse_overlayfs.is_some() && opens("/dev/fuse");
            return Finding::NoOverlay { message, fuse };
        }
        if is_user
            && says(
                "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
                "1",
            )
        {
            return Finding::AppArmor;
        }
        if is_user && step.contains("user namespace") {
            return Finding::UserNamespacesOff { setting: None };
        }
        Finding::Refused { step, message }
    }

    fn opens(device: &str) -> bool {
        OpenOptions::new()
            .read(true)
            .write(true)
            .open(device)
            .is_ok()
    }
}
