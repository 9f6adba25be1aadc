//! How much of the computer a container may take.

use serde::{Deserialize, Serialize};

use crate::Error;

/// Limits of a container. What is `None` has none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes of memory, swap not included, of which there is none then.
    pub memory: Option<u64>,
    /// Thousandths of one CPU's time.
    pub cpus: Option<u64>,
    /// Processes and threads.
    pub processes: Option<u64>,
}

/// Less memory than this starts nothing, as with docker.
const LEAST_MEMORY: u64 = 6 << 20;

impl Limits {
    /// Tells whether there is any.
    #[must_use]
    pub fn any(&self) -> bool {
        self.memory.is_some() || self.cpus.is_some() || self.processes.is_some()
    }

    /// Reads docker's `--memory`: a number, of bytes or with `k`, `m`, `g` or `t`, which count by 1024. 0 is none.
    ///
    /// # Errors
    /// [`Error::Option`].
    pub fn parse_memory(text: &str) -> Result<Option<u64>, Error> {
        let refused = |problem| Error::Option {
            option: "memory",
            text: text.to_owned(),
            problem,
        };
        let lower = text.to_ascii_lowercase();
        let digits = lower.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
        let factor: u32 = match &lower[digits.len()..] {
            "" | "b" => 0,
            "k" | "kb" | "kib" => 10,
            "m" | "mb" | "mib" => 20,
            "g" | "gb" | "gib" => 30,
            "t" | "tb" | "tib" => 40,
            _ => return Err(refused("it is a number with b, k, m, g or t")),
        };
        let thousandths =
            thousandths(digits).ok_or_else(|| refused("it is a number with b, k, m, g or t"))?;
        let bytes = (u128::from(thousandths) << factor) / 1000;
        match u64::try_from(bytes) {
            Ok(_) if thousandths == 0 => Ok(None),
            Ok(bytes) if bytes >= LEAST_MEMORY => Ok(Some(bytes)),
            Ok(_) => Err(refused("the least is 6m")),
            Err(_) => Err(refused("it is too much")),
        }
    }

    /// Reads docker's `--cpus`, such as `1.5`, as thousandths. 0 is none.
    ///
    /// # Errors
    /// [`Error::Option`].
    pub fn parse_cpus(text: &str) -> Result<Option<u64>, Error> {
        thousandths(text)
            .filter(|cpus| *cpus == 0 || (10..=1_000_000).contains(cpus))
            .map(|cpus| Some(cpus).filter(|cpus| *cpus != 0))
            .ok_or_else(|| Error::Option {
                option: "cpus",
                text: text.to_owned(),
                problem: "it is a number such as 1.5, at least 0.01",
            })
    }

    /// Reads docker's `--pids-limit`; 0 and -1 are none.
    ///
    /// # Errors
    /// [`Error::Option`].
    pub fn parse_processes(text: &str) -> Result<Option<u64>, Error> {
        match text {
            "0" | "-1" => Ok(None),
            text => text.parse().map(Some).map_err(|_| Error::Option {
                option: "pids-limit",
                text: text.to_owned(),
                problem: "it is a number, or -1 for none",
            }),
        }
    }
}

/// Reads a number with up to three digits after the point, as thousandths.
fn thousandths(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || part.len() > 3 || !is_number(whole) || !is_number(part) {
        return None;
    }
    let part: u64 = format!("{part:0<3}").parse().ok()?;
    whole
        .parse::<u64>()
        .ok()?
        .checked_mul(1000)?
        .checked_add(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_as_docker_reads_them() {
        let memory = |text| Limits::parse_memory(text).ok();
        assert_eq!(memory("512m"), Some(Some(512 << 20)));
        assert_eq!(memory("1.5G"), Some(Some(3 << 29)));
        assert_eq!(memory("6291456"), Some(Some(6 << 20)));
        assert_eq!(memory("1GiB"), Some(Some(1 << 30)));
        assert_eq!((memory("0"), memory("0m")), (Some(None), Some(None)));
        assert_eq!(
            (memory("0.5"), memory("0.0004k")),
            (None, None),
            "too little is not none"
        );
        for bad in [
            "",
            "m",
            "5m",
            "-1",
            "1x",
            "1.2345g",
            "99999999999999999999t",
            "1 g",
        ] {
            assert_eq!(memory(bad), None, "{bad}");
        }
        assert_eq!(Limits::parse_cpus("1.5").ok(), Some(Some(1500)));
        assert_eq!(Limits::parse_cpus("2").ok(), Some(Some(2000)));
        assert_eq!(Limits::parse_cpus("0").ok(), Some(None));
        for bad in ["", "0.001", "-1", "1.5.0", "x", "1e3"] {
            assert!(Limits::parse_cpus(bad).is_err(), "{bad}");
        }
        assert_eq!(Limits::parse_processes("-1").ok(), Some(None));
        assert_eq!(Limits::parse_processes("100").ok(), Some(Some(100)));
        assert!(Limits::parse_processes("-2").is_err());
    }
}
