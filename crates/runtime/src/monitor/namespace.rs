//! Namespaces of the monitor itself.

use std::fs;
use std::os::fd::AsFd;

use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags};
use rustix::process::{Gid, Uid};
use rustix::thread::{LinkNameSpaceType, UnshareFlags};

use crate::Failure;
use crate::error::Context;

#[expect(unsafe_code, reason = "the system call has no safe form")]
fn unshare(flags: UnshareFlags) -> rustix::io::Result<()> {
    // SAFETY: it is unsafe for a process whose threads share open files; the monitor has one thread, and leaves the files alone.
    unsafe { rustix::thread::unshare_unsafe(flags) }
}

/// Enters a new user namespace, in which nobody is mapped yet.
pub(super) fn unshare_user() -> Result<(), Failure> {
    unshare(UnshareFlags::NEWUSER).context("make a user namespace")
}

/// Maps the caller to root, and nobody else. Nobody in there can give away groups.
pub(super) fn map_single(uid: u32, gid: u32) -> Result<(), Failure> {
    let step = "map the user to root";
    fs::write("/proc/self/setgroups", "deny").context(step)?;
    fs::write("/proc/self/uid_map", format!("0 {uid} 1")).context(step)?;
    fs::write("/proc/self/gid_map", format!("0 {gid} 1")).context(step)
}

/// Becomes root of the user namespace.
pub(super) fn become_root() -> Result<(), Failure> {
    let step = "become root of the user namespace";
    rustix::thread::set_thread_res_gid(Gid::ROOT, Gid::ROOT, Gid::ROOT).context(step)?;
    rustix::thread::set_thread_res_uid(Uid::ROOT, Uid::ROOT, Uid::ROOT).context(step)?;
    // Where the namespace has no groups to give away the ones from outside stay.
    let _ = rustix::thread::set_thread_groups(&[]);
    Ok(())
}

/// Enters a mount namespace of its own, from which no mount reaches the outside.
pub(super) fn unshare_mounts() -> Result<(), Failure> {
    unshare(UnshareFlags::NEWNS).context("make a mount namespace")?;
    let flags = MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC;
    rustix::mount::mount_change("/", flags).context("separate the mounts")
}

/// Enters the namespaces of another monitor.
pub(super) fn join(monitor: i32) -> Result<(), Failure> {
    let step = "join the container";
    let open = |kind: &str| fs::File::open(format!("/proc/{monitor}/ns/{kind}")).context(step);
    let own = fs::read_link("/proc/self/ns/user").context(step)?;
    let other = fs::read_link(format!("/proc/{monitor}/ns/user")).context(step)?;
    let (user, mounts) = (open("user")?, open("mnt")?);
    if own != other {
        rustix::thread::move_into_link_name_space(user.as_fd(), Some(LinkNameSpaceType::User))
            .context(step)?;
        become_root()?;
    }
    rustix::thread::move_into_link_name_space(mounts.as_fd(), Some(LinkNameSpaceType::Mount))
        .context(step)
}

/// Makes devices in the root of a container that was created, but not started, of no use. The mount that it was made of says so
/// already, and crun drops that.
///
/// In a user namespace no device works anyway.
pub(super) fn forbid_devices(pid: i32, read_only: bool) -> Result<(), Failure> {
    if is_user_namespace() {
        return Ok(());
    }
    let step = "forbid devices in the container's root";
    let own = fs::File::open("/proc/self/ns/mnt").context(step)?;
    let other = fs::File::open(format!("/proc/{pid}/ns/mnt")).context(step)?;
    let folder = std::env::current_dir().context(step)?;
    let enter = |namespace: &fs::File| {
        let kind = Some(LinkNameSpaceType::Mount);
        rustix::thread::move_into_link_name_space(namespace.as_fd(), kind).context(step)
    };
    enter(&other)?;
    let mut flags = MountFlags::BIND | MountFlags::NODEV;
    flags.set(MountFlags::RDONLY, read_only);
    let changed = rustix::mount::mount_remount("/", flags, c"");
    enter(&own)?;
    std::env::set_current_dir(folder).context(step)?;
    changed.context(step)
}

/// Tells whether this is a user namespace below the first one.
pub(super) fn is_user_namespace() -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let mut fields = map.split_whitespace();
    let all = [Some("0"), Some("0"), Some("4294967295")];
    [fields.next(), fields.next(), fields.next()] != all
}

/// Tells whether a group has a number here.
pub(super) fn has_group(gid: u32) -> bool {
    let map = fs::read_to_string("/proc/self/gid_map").unwrap_or_default();
    map.lines().any(|line| {
        let mut fields = line.split_whitespace().map(str::parse::<u64>);
        let (Some(Ok(start)), Some(_), Some(Ok(count))) =
            (fields.next(), fields.next(), fields.next())
        else {
            return false;
        };
        (start..start + count).contains(&u64::from(gid))
    })
}

/// Takes the second hierarchy of control groups away where both kinds are mounted: crun refuses to work with that, even where it is
/// told to leave control groups alone.
pub(super) fn hide_mixed_cgroups() {
    let Ok(mounts) = fs::read_to_string("/proc/self/mountinfo") else {
        return;
    };
    let is_mixed = mounts
        .lines()
        .any(|line| line.contains(" /sys/fs/cgroup/unified ") && line.contains(" - cgroup2 "));
    if is_mixed && rustix::mount::unmount("/sys/fs/cgroup/unified", UnmountFlags::DETACH).is_err() {
        // In a user namespace the mounts from outside are locked; what lies over them is not. Should this fail too, crun says so.
        let _ = rustix::mount::mount(
            "tmpfs",
            "/sys/fs/cgroup",
            "tmpfs",
            MountFlags::empty(),
            None,
        );
    }
}
