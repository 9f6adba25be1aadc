//! The filter of system calls: containers-common's profile (Apache-2.0, `seccomp.json`), resolved for this machine, and a rule of our
//! own for device nodes.

use serde_json::{Value, json};

/// The profile as it is published: <https://github.com/containers/common/blob/v0.50.1/pkg/seccomp/seccomp.json>.
const PROFILE: &str = include_str!("seccomp.json");

/// Bits of a mode that say what a file is, and those of a character and a block device (`inode(7)`).
const KIND: u64 = 0o170_000;
const CHARACTER: u64 = 0o020_000;
const BLOCK: u64 = 0o060_000;

/// Devices that every container has anyway, so that making them is no harm: null, zero, full, random, urandom, tty, ptmx, and overlay's
/// mark for a deleted file.
const HARMLESS: [u64; 8] = [0x103, 0x105, 0x107, 0x108, 0x109, 0x500, 0x502, 0];

/// Returns the filter as the runtime's configuration has it (`linux.seccomp`).
///
/// No cgroup keeps a container from devices here, as one does under Docker; what keeps it from them is that its root is mounted
/// `nodev` and that this filter lets it make none, although it has `CAP_MKNOD` as Docker's have.
pub(crate) fn filter(architecture: &str, capabilities: &[&str]) -> Value {
    let profile: Value = serde_json::from_str(PROFILE).unwrap_or_default();
    let go = go_name(architecture);
    let native = native_name(architecture);
    let mut architectures = vec![json!(native)];
    for entry in list(&profile["archMap"]) {
        if entry["architecture"] == native {
            architectures.extend(list(&entry["subArchitectures"]).iter().cloned());
        }
    }
    let mut calls = Vec::new();
    for rule in list(&profile["syscalls"]) {
        let arches = |condition: &str| {
            let arches = list(&rule[condition]["arches"]);
            (arches.is_empty(), arches.iter().any(|arch| arch == go))
        };
        let has = |name: &Value| capabilities.iter().any(|held| name == held);
        let included = match arches("includes") {
            (true, _) | (_, true) => list(&rule["includes"]["caps"]).iter().all(has),
            (false, false) => false,
        };
        let excluded = arches("excludes").1 || list(&rule["excludes"]["caps"]).iter().any(has);
        if !included || excluded {
            continue;
        }
        let names: Vec<&Value> = list(&rule["names"])
            .iter()
            .filter(|name| *name != "mknod" && *name != "mknodat")
            .collect();
        if names.is_empty() {
            continue;
        }
        let mut call = json!({ "names": names, "action": rule["action"] });
        for key in ["errnoRet", "args"] {
            if !rule[key].is_null() {
                call[key] = rule[key].clone();
            }
        }
        calls.push(call);
    }
    calls.extend(device_nodes());
    json!({
        "defaultAction": profile["defaultAction"],
        "defaultErrnoRet": profile["defaultErrnoRet"],
        "architectures": architectures,
        "syscalls": calls,
    })
}

/// Lets everything be made but devices, and of those the harmless ones.
fn device_nodes() -> Vec<Value> {
    let kind_is = |index: u32, kind: u64| json!({ "index": index, "op": "SCMP_CMP_MASKED_EQ", "value": KIND, "valueTwo": kind });
    let mut rules = Vec::new();
    for (name, mode) in [("mknod", 1), ("mknodat", 2)] {
        for kind in [0, 0o010_000, 0o100_000, 0o140_000] {
            rules.push(json!({ "names": [name], "action": "SCMP_ACT_ALLOW", "args": [kind_is(mode, kind)] }));
        }
        for device in HARMLESS {
            let number = json!({ "index": mode + 1, "op": "SCMP_CMP_EQ", "value": device });
            rules.push(json!({ "names": [name], "action": "SCMP_ACT_ALLOW", "args": [kind_is(mode, CHARACTER), number] }));
        }
        rules.push(json!({ "names": [name], "action": "SCMP_ACT_ERRNO", "errnoRet": 1, "args": [kind_is(mode, BLOCK)] }));
    }
    rules
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn go_name(architecture: &str) -> &str {
    match architecture {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "powerpc64" => "ppc64le",
        other => other,
    }
}

fn native_name(architecture: &str) -> &'static str {
    match architecture {
        "x86_64" => "SCMP_ARCH_X86_64",
        "x86" => "SCMP_ARCH_X86",
        "aarch64" => "SCMP_ARCH_AARCH64",
        "arm" => "SCMP_ARCH_ARM",
        "riscv64" => "SCMP_ARCH_RISCV64",
        "powerpc64" => "SCMP_ARCH_PPC64LE",
        "s390x" => "SCMP_ARCH_S390X",
        _ => "SCMP_ARCH_NATIVE",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::CAPABILITIES;

    fn rules<'a>(filter: &'a Value, call: &str) -> Vec<&'a Value> {
        list(&filter["syscalls"])
            .iter()
            .filter(|rule| list(&rule["names"]).iter().any(|name| name == call))
            .collect()
    }

    #[test]
    fn the_profile_is_resolved_for_the_machine() {
        let filter = filter("x86_64", &CAPABILITIES);
        assert_eq!(
            filter["architectures"],
            json!(["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"])
        );
        assert_eq!(rules(&filter, "arch_prctl").len(), 1);
        assert_eq!(
            rules(&filter, "s390_pci_mmio_read").len(),
            0,
            "another machine's"
        );
        let chroot = rules(&filter, "chroot");
        assert_eq!(chroot.len(), 1);
        assert_eq!(chroot[0]["action"], "SCMP_ACT_ALLOW");
        let bpf = rules(&filter, "bpf");
        assert_eq!(bpf[0]["action"], "SCMP_ACT_ERRNO", "needs CAP_SYS_ADMIN");
    }

    #[test]
    fn no_rule_lets_a_disk_be_made() {
        let filter = filter("aarch64", &CAPABILITIES);
        for call in ["mknod", "mknodat"] {
            for rule in rules(&filter, call) {
                let arguments = list(&rule["args"]);
                let kind = arguments.first().expect("no rule without a condition");
                let lets = rule["action"] == "SCMP_ACT_ALLOW";
                assert!(!lets || kind["valueTwo"] != BLOCK);
                assert!(!lets || kind["valueTwo"] != CHARACTER || arguments.len() == 2);
            }
        }
    }
}
