use std::time::Duration;

use reqwest::header::HeaderMap;

/// How many pulls a registry still allows, by `ratelimit-limit` and `ratelimit-remaining`.
///
/// Docker Hub sends them with every answer about a manifest: <https://docs.docker.com/docker-hub/usage/pulls/>.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// How many are left.
    pub remaining: u64,
    /// How many there are in all, where it is said.
    pub limit: Option<u64>,
    /// In which time, where it is said.
    pub window: Option<Duration>,
}

impl Quota {
    /// Reads `100;w=21600`.
    pub(crate) fn read(headers: &HeaderMap) -> Option<Self> {
        let value = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
        let number = |text: &str| text.split(';').next()?.trim().parse::<u64>().ok();
        let window = |text: &str| {
            let seconds = text
                .split(';')
                .find_map(|part| part.trim().strip_prefix("w="))?;
            Some(Duration::from_secs(seconds.trim().parse().ok()?))
        };
        let remaining = value("ratelimit-remaining")?;
        let limit = value("ratelimit-limit");
        Some(Self {
            remaining: number(remaining)?,
            limit: limit.and_then(number),
            window: limit.and_then(window).or_else(|| window(remaining)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docker_hubs_headers() {
        let read = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, value.parse().expect("a header"));
            }
            Quota::read(&headers)
        };
        assert_eq!(
            read(&[
                ("ratelimit-limit", "100;w=21600"),
                ("ratelimit-remaining", "76;w=21600")
            ]),
            Some(Quota {
                remaining: 76,
                limit: Some(100),
                window: Some(Duration::from_secs(21600))
            })
        );
        assert_eq!(
            read(&[("ratelimit-remaining", "0")]),
            Some(Quota {
                remaining: 0,
                limit: None,
                window: None
            })
        );
        assert_eq!(read(&[("ratelimit-remaining", "many")]), None);
        assert_eq!(read(&[("ratelimit-limit", "100;w=1")]), None);
    }
}
