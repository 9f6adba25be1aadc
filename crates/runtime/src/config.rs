//! The runtime's configuration, `config.json` of the [runtime-spec].
//!
//! [runtime-spec]: https://github.com/opencontainers/runtime-spec/blob/v1.2.0/config.md

use serde_json::{Value, json};

use crate::options::Network;
use crate::seccomp;
use crate::spec::{CAPABILITIES, Process, RunSpec};
use crate::user::User;

/// What is known only where the container is made.
pub(crate) struct Surroundings<'a> {
    /// Who the process is.
    pub(crate) user: &'a User,
    /// Whether there is a user namespace.
    pub(crate) user_namespace: bool,
    /// Whether group 5, that of terminals, is mapped.
    pub(crate) terminal_group: bool,
    /// The number of the monitor's process.
    pub(crate) monitor: i32,
    /// Folders and files to bind: source, target, whether read-only.
    pub(crate) binds: &'a [(String, String, bool)],
    /// Places that are memory: target, whether read-only.
    pub(crate) memory: &'a [(String, bool)],
}

/// What tells about the kernel and the machine, and is hidden: docker's list.
const MASKED: [&str; 11] = [
    "/proc/asound",
    "/proc/acpi",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
];

/// What steers the kernel, and cannot be written to: docker's list.
const READ_ONLY: [&str; 5] = [
    "/proc/bus",
    "/proc/fs",
    "/proc/irq",
    "/proc/sys",
    "/proc/sysrq-trigger",
];

/// Returns the name of the control group that runc makes for a monitor's container.
pub(crate) fn control_group(monitor: i32) -> String {
    format!("strata-{monitor}")
}

/// Writes the configuration of a container whose root is `root` beside it.
pub(crate) fn container(spec: &RunSpec, at: &Surroundings<'_>) -> Value {
    let mut namespaces = vec![
        json!({ "type": "pid" }),
        json!({ "type": "ipc" }),
        json!({ "type": "uts" }),
        json!({ "type": "mount" }),
    ];
    if spec.network != Network::Host {
        namespaces.push(json!({ "type": "network" }));
    }
    let mut annotations = serde_json::Map::new();
    for (name, value) in &spec.annotations {
        // Names that a runtime takes for orders are not for an image to give.
        if !name.is_empty() && !name.starts_with("run.oci.") && !name.starts_with("org.systemd.") {
            annotations.insert(name.clone(), json!(value));
        }
    }
    json!({
        "ociVersion": "1.0.2",
        "process": process(&spec.process, at.user, spec.no_new_privileges),
        "root": { "path": "root", "readonly": spec.read_only },
        "hostname": spec.hostname,
        "mounts": mounts(spec, at),
        "annotations": annotations,
        "linux": {
            // For runc, which makes control groups whatever it is told, where it may; a user gets none then.
            "cgroupsPath": (!at.user_namespace).then(|| format!("/{}", control_group(at.monitor))),
            "namespaces": namespaces,
            "maskedPaths": MASKED,
            "readonlyPaths": READ_ONLY,
            "seccomp": seccomp::filter(std::env::consts::ARCH, &CAPABILITIES),
        },
    })
}

/// Writes a process of a container.
pub(crate) fn process(process: &Process, user: &User, no_new_privileges: bool) -> Value {
    let mut environment = process.environment.clone();
    if !environment
        .iter()
        .any(|variable| variable.starts_with("HOME="))
    {
        environment.push(format!("HOME={}", user.home));
    }
    // A user other than root has no capability until a set-user-ID program gives it some.
    let held: &[&str] = if user.uid == 0 { &CAPABILITIES } else { &[] };
    json!({
        "terminal": process.terminal,
        "user": { "uid": user.uid, "gid": user.gid, "additionalGids": user.groups },
        "args": process.arguments,
        "env": environment,
        "cwd": process.folder,
        "capabilities": { "bounding": CAPABILITIES, "effective": held, "permitted": held },
        "noNewPrivileges": no_new_privileges,
    })
}

fn mounts(spec: &RunSpec, at: &Surroundings<'_>) -> Vec<Value> {
    let mount = |target: &str, kind: &str, options: &[&str]| json!({ "destination": target, "type": kind, "source": kind, "options": options });
    let mut terminals = vec![
        "nosuid",
        "noexec",
        "newinstance",
        "ptmxmode=0666",
        "mode=0620",
    ];
    if at.terminal_group {
        terminals.push("gid=5");
    }
    // Without a network of its own a user namespace may not mount sysfs.
    let system = if at.user_namespace && spec.network == Network::Host {
        json!({ "destination": "/sys", "type": "none", "source": "/sys", "options": ["rbind", "ro", "nosuid", "noexec", "nodev"] })
    } else {
        mount("/sys", "sysfs", &["nosuid", "noexec", "nodev", "ro"])
    };
    let mut mounts = vec![
        mount("/proc", "proc", &["nosuid", "noexec", "nodev"]),
        mount(
            "/dev",
            "tmpfs",
            &["nosuid", "strictatime", "mode=755", "size=65536k"],
        ),
        mount("/dev/pts", "devpts", &terminals),
        mount("/dev/mqueue", "mqueue", &["nosuid", "noexec", "nodev"]),
        mount(
            "/dev/shm",
            "tmpfs",
            &["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"],
        ),
        system,
    ];
    for (target, read_only) in at.memory {
        let write = if *read_only { "ro" } else { "rw" };
        mounts.push(mount(
            target,
            "tmpfs",
            &["nosuid", "nodev", "noexec", "mode=1777", write],
        ));
    }
    for (source, target, read_only) in at.binds {
        let write = if *read_only { "ro" } else { "rw" };
        mounts.push(json!({ "destination": target, "type": "bind", "source": source, "options": ["rbind", "rprivate", write] }));
    }
    mounts
}
