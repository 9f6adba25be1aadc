use std::cmp::Reverse;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An operating system and processor that an image is for: `linux/amd64`, `linux/arm/v7`, `windows/amd64`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Platform {
    /// The operating system, by Go's name.
    pub os: String,
    /// The processor, by Go's name.
    pub architecture: String,
    /// The processor's variant, such as `v7` of `arm`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// The build of Windows that the image needs.
    #[serde(
        default,
        rename = "os.version",
        skip_serializing_if = "Option::is_none"
    )]
    pub os_version: Option<String>,
    /// Features of the operating system that the image needs.
    #[serde(
        default,
        rename = "os.features",
        deserialize_with = "crate::descriptor::null_is_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub os_features: Vec<String>,
}

/// Why a text is not a platform.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "{text:?} is not a platform (os/architecture or os/architecture/variant, such as linux/arm64)"
)]
pub struct PlatformError {
    /// The text.
    pub text: String,
}

impl Platform {
    /// Returns the platform of an operating system and architecture, normalised.
    pub fn new(os: &str, architecture: &str, variant: Option<&str>) -> Self {
        let plain = Self {
            os: os.to_owned(),
            architecture: architecture.to_owned(),
            variant: variant.filter(|v| !v.is_empty()).map(str::to_owned),
            os_version: None,
            os_features: Vec::new(),
        };
        plain.normalized()
    }

    /// Returns the same platform by its one usual spelling: `x86_64` is `amd64`, `aarch64` is `arm64`, `arm` is `arm/v7`.
    ///
    /// The rules are those of containerd's `platforms` (<https://github.com/containerd/platforms/blob/main/database.go>).
    #[must_use]
    pub fn normalized(&self) -> Self {
        let os = match self.os.to_ascii_lowercase().as_str() {
            "macos" => "darwin".to_owned(),
            other => other.to_owned(),
        };
        let variant = self
            .variant
            .as_deref()
            .unwrap_or_default()
            .to_ascii_lowercase();
        let architecture = self.architecture.to_ascii_lowercase();
        let (architecture, variant) = match (architecture.as_str(), variant.as_str()) {
            ("i386", _) => ("386", ""),
            ("x86_64" | "x86-64" | "amd64", "v1" | "") => ("amd64", ""),
            ("x86_64" | "x86-64" | "amd64", other) => ("amd64", other),
            ("aarch64" | "arm64", "8" | "v8" | "v8.0" | "") => ("arm64", ""),
            ("aarch64" | "arm64", "9" | "v9" | "v9.0") => ("arm64", "v9"),
            ("aarch64" | "arm64", other) => ("arm64", other),
            ("armhf", _) => ("arm", "v7"),
            ("armel", _) => ("arm", "v6"),
            ("arm", "" | "7") => ("arm", "v7"),
            ("arm", "5") => ("arm", "v5"),
            ("arm", "6") => ("arm", "v6"),
            ("arm", "8") => ("arm", "v8"),
            (other, variant) => (other, variant),
        };
        Self {
            os,
            architecture: architecture.to_owned(),
            variant: Some(variant).filter(|v| !v.is_empty()).map(str::to_owned),
            os_version: self.os_version.clone(),
            os_features: self.os_features.clone(),
        }
    }

    /// Tells whether this is `unknown/unknown`, which marks attestations in an index.
    pub fn is_unknown(&self) -> bool {
        self.os == "unknown" && self.architecture == "unknown"
    }

    /// Tells how well an image for `offered` serves someone who wants `self`: 0 is exact, more is worse, `None` is not at all.
    ///
    /// The order is containerd's (`compare.go`): a processor runs its older variants, newest first; amd64 runs 386, arm64
    /// runs 32-bit arm. A Windows image must be for the same build, where both sides say one.
    pub fn rank(&self, offered: &Self) -> Option<u32> {
        let (wanted, offered) = (self.normalized(), offered.normalized());
        if wanted.os != offered.os {
            return None;
        }
        if let (Some(a), Some(b)) = (&wanted.os_version, &offered.os_version)
            && wanted.os == "windows"
            && windows_build(a) != windows_build(b)
        {
            return None;
        }
        let position = accepted(&wanted)
            .iter()
            .position(|(architecture, variant)| {
                *architecture == offered.architecture
                    && variant.as_deref() == offered.variant.as_deref()
            });
        position.and_then(|position| u32::try_from(position).ok())
    }

    /// Picks the entry of an index that serves `self` best, or `None` where none does.
    ///
    /// The first of equals wins. An entry that names no platform is taken only when nothing else serves.
    pub fn choose<'a>(&self, offered: impl IntoIterator<Item = Option<&'a Self>>) -> Option<usize> {
        let ranked = offered
            .into_iter()
            .enumerate()
            .filter_map(|(position, platform)| match platform {
                Some(platform) => self.rank(platform).map(|rank| (rank, position)),
                None => Some((u32::MAX, position)),
            });
        ranked
            .min_by_key(|(rank, position)| (*rank, *position))
            .map(|(_, position)| position)
    }
}

/// Returns the architectures and variants that a platform runs, best first.
fn accepted(wanted: &Platform) -> Vec<(String, Option<String>)> {
    let variant = wanted.variant.as_deref();
    let level = |prefix: &str| {
        variant
            .and_then(|v| v.strip_prefix(prefix))
            .and_then(|v| v.parse::<u32>().ok())
    };
    let entry = |architecture: &str, variant: Option<String>| (architecture.to_owned(), variant);
    let arm = |from: u32| {
        (5..=from)
            .rev()
            .map(|v| entry("arm", Some(format!("v{v}"))))
    };
    let mut list = Vec::new();
    match wanted.architecture.as_str() {
        "amd64" => {
            let top = level("v").unwrap_or(1).min(9);
            list.extend(
                (2..=top)
                    .rev()
                    .map(|v| entry("amd64", Some(format!("v{v}")))),
            );
            list.push(entry("amd64", None));
            list.push(entry("386", None));
        }
        "arm64" => {
            let (major, minor) = arm64_level(variant);
            let mut levels = Vec::new();
            if major >= 9 {
                levels.extend((0..=minor).map(|m| (9, m)));
                // Armv9.m includes everything of Armv8.(m+5).
                levels.extend((0..=minor.saturating_add(5).min(9)).map(|m| (8, m)));
            } else {
                levels.extend((0..=minor).map(|m| (8, m)));
            }
            levels.sort_by_key(|level| Reverse(*level));
            list.extend(levels.into_iter().map(|level| {
                let text = match level {
                    (8, 0) => None,
                    (major, 0) => Some(format!("v{major}")),
                    (major, minor) => Some(format!("v{major}.{minor}")),
                };
                entry("arm64", text)
            }));
            list.extend(arm(8));
        }
        "arm" => list.extend(arm(level("v").unwrap_or(7).min(8))),
        other => {
            list.push(entry(other, wanted.variant.clone()));
            if wanted.variant.is_some() {
                list.push(entry(other, None));
            }
        }
    }
    // An unusual variant still accepts exactly itself.
    let own = entry(&wanted.architecture, wanted.variant.clone());
    if !list.contains(&own) {
        list.insert(0, own);
    }
    list
}

/// Reads `v9.2` as (9, 2); no variant is (8, 0).
fn arm64_level(variant: Option<&str>) -> (u32, u32) {
    let Some(text) = variant.and_then(|v| v.strip_prefix('v')) else {
        return (8, 0);
    };
    let (major, minor) = text.split_once('.').unwrap_or((text, "0"));
    (
        major.parse().unwrap_or(8),
        minor.parse().unwrap_or(0).min(9),
    )
}

/// Returns `10.0.17763` of `10.0.17763.1234`: the part that must agree.
fn windows_build(version: &str) -> &str {
    let end = version
        .match_indices('.')
        .nth(2)
        .map_or(version.len(), |(at, _)| at);
    &version[..end]
}

impl FromStr for Platform {
    type Err = PlatformError;

    fn from_str(text: &str) -> Result<Self, PlatformError> {
        let error = || PlatformError {
            text: text.chars().take(200).collect(),
        };
        let parts: Vec<&str> = text.split('/').collect();
        let legal = |part: &str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
        };
        if !parts.iter().all(|part| legal(part)) {
            return Err(error());
        }
        match parts[..] {
            [os, architecture] => Ok(Self::new(os, architecture, None)),
            [os, architecture, variant] => Ok(Self::new(os, architecture, Some(variant))),
            _ => Err(error()),
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant
            .as_ref()
            .map_or(Ok(()), |variant| write!(f, "/{variant}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platform(text: &str) -> Platform {
        text.parse().expect("a platform")
    }

    fn choose(wanted: &str, offered: &[&str]) -> Option<usize> {
        let offered: Vec<Platform> = offered.iter().map(|text| platform(text)).collect();
        platform(wanted).choose(offered.iter().map(Some))
    }

    #[test]
    fn spellings_become_one() {
        let table = [
            ("linux/x86_64", "linux/amd64"),
            ("linux/amd64/v1", "linux/amd64"),
            ("linux/aarch64", "linux/arm64"),
            ("linux/arm64/v8", "linux/arm64"),
            ("linux/armhf", "linux/arm/v7"),
            ("linux/armel", "linux/arm/v6"),
            ("linux/arm", "linux/arm/v7"),
            ("Linux/i386", "linux/386"),
            ("macos/arm64", "darwin/arm64"),
        ];
        for (text, usual) in table {
            assert_eq!(platform(text).to_string(), usual, "{text}");
        }
    }

    #[test]
    fn a_processor_runs_its_older_variants_newest_first() {
        assert_eq!(
            choose(
                "linux/amd64/v3",
                &["linux/amd64", "linux/amd64/v2", "linux/amd64/v4"]
            ),
            Some(1)
        );
        assert_eq!(
            choose("linux/amd64", &["linux/386", "linux/amd64"]),
            Some(1)
        );
        assert_eq!(choose("linux/amd64", &["linux/386"]), Some(0));
        assert_eq!(
            choose(
                "linux/arm/v7",
                &["linux/arm/v5", "linux/arm/v6", "linux/arm/v8"]
            ),
            Some(1)
        );
        assert_eq!(
            choose("linux/arm64", &["linux/arm/v7", "linux/arm64/v8"]),
            Some(1)
        );
        assert_eq!(choose("linux/arm64", &["linux/arm/v7"]), Some(0));
        assert_eq!(
            choose(
                "linux/arm64/v9.1",
                &["linux/arm64/v8", "linux/arm64/v8.6", "linux/arm64/v9.2"]
            ),
            Some(1)
        );
    }

    #[test]
    fn a_foreign_system_or_processor_is_never_chosen() {
        assert_eq!(
            choose(
                "linux/amd64",
                &["linux/arm64", "windows/amd64", "linux/s390x"]
            ),
            None
        );
        assert_eq!(choose("linux/arm/v6", &["linux/arm/v7"]), None);
        assert_eq!(choose("linux/amd64", &["linux/amd64/v2"]), None);
    }

    #[test]
    fn an_entry_without_a_platform_is_the_last_resort() {
        let amd64 = platform("linux/amd64");
        assert_eq!(amd64.choose([None, Some(&amd64)]), Some(1));
        assert_eq!(
            amd64.choose([None, Some(&platform("linux/s390x"))]),
            Some(0)
        );
    }

    #[test]
    fn the_first_of_equals_wins() {
        assert_eq!(
            choose("linux/amd64", &["linux/amd64", "linux/amd64"]),
            Some(0)
        );
    }

    #[test]
    fn windows_images_are_for_one_build() {
        let with = |build: &str| Platform {
            os_version: Some(build.into()),
            ..platform("windows/amd64")
        };
        assert_eq!(with("10.0.17763.5").rank(&with("10.0.17763.1")), Some(0));
        assert_eq!(with("10.0.17763.5").rank(&with("10.0.20348.1")), None);
    }

    #[test]
    fn rubbish_is_no_platform() {
        for text in [
            "",
            "linux",
            "linux/",
            "/amd64",
            "linux/amd64/v1/x",
            "linux/am d64",
            "linux/\u{202e}",
        ] {
            assert!(text.parse::<Platform>().is_err(), "{text:?}");
        }
    }
}
