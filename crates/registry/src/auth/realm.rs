//! Which token servers are asked, and which of them get a password.
//!
//! The registry names its token server itself, so an evil registry could name anybody's machine (CVE-2026-48978).

use url::Url;

use crate::address::{Reach, authority, reach};
use crate::{Error, TrustedRealm};

/// A token server that may be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Realm {
    pub(crate) url: Url,
    /// Whether it may get the registry's credentials.
    pub(crate) trusted: bool,
}

/// Judges the token server that a registry names.
///
/// `registry` is the host in references, `asked` the URL that answered 401. The address may be relative.
pub(crate) fn judge(
    registry: &str,
    asked: &Url,
    realm: &str,
    agreed: &[TrustedRealm],
) -> Result<Realm, Error> {
    let refuse = |realm: Option<String>, reason: &str| Error::Realm {
        host: registry.to_owned(),
        realm,
        reason: reason.to_owned(),
    };
    let url = asked
        .join(realm)
        .map_err(|_| refuse(None, "its address is not valid"))?;
    let host = Some(authority(&url)).filter(|host| !host.is_empty());
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refuse(host, "its address is neither http nor https"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refuse(host, "its address contains a user name"));
    }
    let agreed = agreed
        .iter()
        .any(|pair| pair.registry == registry && Some(&pair.realm) == host.as_ref());
    if url.origin() == asked.origin() {
        return Ok(Realm { url, trusted: true });
    }
    if asked.scheme() == "https" && url.scheme() != "https" {
        return Err(refuse(host, "it would be asked without encryption"));
    }
    let near = reach(&url);
    if near != Reach::Public && near != reach(asked) && !agreed {
        return Err(refuse(
            host,
            "its address is on this computer or in a private network, and the registry is not",
        ));
    }
    let trusted = agreed || (url.scheme() == "https" && same_site(asked, &url));
    Ok(Realm { url, trusted })
}

/// Tells whether two hosts belong to one owner: the same host, or the same registrable domain.
///
/// The registrable domain is the part that one buys: `example.co.uk`, `someone.github.io`.
fn same_site(asked: &Url, realm: &Url) -> bool {
    let (Some(one), Some(other)) = (asked.host_str(), realm.host_str()) else {
        return false;
    };
    if one == other {
        return true;
    }
    let (Some(url::Host::Domain(_)), Some(url::Host::Domain(_))) = (asked.host(), realm.host())
    else {
        return false;
    };
    match (psl::domain_str(one), psl::domain_str(other)) {
        (Some(one), Some(other)) => one == other,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::api_host;

    fn judged(registry: &str, realm: &str) -> Result<bool, String> {
        let scheme = if registry.starts_with("127.") || registry.starts_with("10.") {
            "http"
        } else {
            "https"
        };
        let asked = Url::parse(&format!("{scheme}://{}/v2/", api_host(registry))).expect("a URL");
        match judge(registry, &asked, realm, &[]) {
            Ok(realm) => Ok(realm.trusted),
            Err(Error::Realm { reason, .. }) => Err(reason),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn passwords_go_to_the_registrys_own_site_only() {
        for (registry, realm) in [
            ("docker.io", "https://auth.docker.io/token"),
            ("registry.gitlab.com", "https://gitlab.com/jwt/auth"),
            ("quay.io", "https://quay.io/v2/auth"),
            ("reg.example.co.uk:5000", "https://auth.example.co.uk/token"),
            ("example.com:5000", "https://example.com:5001/token"),
            ("example.com", "/token"),
            ("127.0.0.1:5000", "http://127.0.0.1:5000/token"),
        ] {
            assert_eq!(judged(registry, realm), Ok(true), "{registry} {realm}");
        }
    }

    #[test]
    fn others_are_asked_anonymously() {
        for (registry, realm) in [
            ("example.com", "https://evil.org/token"),
            ("example.com", "//evil.org/token"),
            ("one.co.uk", "https://two.co.uk/token"),
            ("one.github.io", "https://two.github.io/token"),
            ("example.com", "https://example.com.evil.org/token"),
            ("example.com", "https://8.8.8.8/token"),
            // A registry in a private network may have its token server on the Internet, or beside it.
            ("10.0.0.1", "https://auth.example.com/token"),
            ("10.0.0.1", "https://10.0.0.2/token"),
            // Another port of an address is another program, and nothing is encrypted.
            ("127.0.0.1:5000", "http://127.0.0.1:5001/token"),
        ] {
            assert_eq!(judged(registry, realm), Ok(false), "{registry} {realm}");
        }
    }

    #[test]
    fn some_are_not_asked_at_all() {
        for (registry, realm) in [
            ("example.com", "http://auth.example.com/token"),
            ("example.com", "file:///etc/passwd"),
            ("example.com", "ftp://example.com/"),
            ("example.com", "https://user@auth.example.com/token"),
            ("example.com", "https://169.254.169.254/latest"),
            ("example.com", "https://2852039166/"),
            ("example.com", "https://[::ffff:a9fe:a9fe]/"),
            ("example.com", "https://localhost/token"),
            ("example.com", "https://10.0.0.1/token"),
            ("10.0.0.1", "http://127.0.0.1/token"),
            ("127.0.0.1:5000", "http://169.254.169.254/token"),
            ("example.com", "https://"),
        ] {
            assert!(
                judged(registry, realm).is_err(),
                "{registry} {realm}: {:?}",
                judged(registry, realm)
            );
        }
    }

    #[test]
    fn a_pair_that_the_user_agreed_to_is_trusted() {
        let asked = Url::parse("https://nvcr.io/v2/").expect("a URL");
        let agreed = [TrustedRealm {
            registry: "nvcr.io".into(),
            realm: "authn.nvidia.com".into(),
        }];
        let trusted = |registry| {
            judge(registry, &asked, "https://authn.nvidia.com/token", &agreed)
                .map(|realm| realm.trusted)
        };
        assert!(trusted("nvcr.io").expect("judged"));
    }
}
