//! Docker's `config.json` with a login more or less, and everything else in it as it was.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::{Key, Login};
use crate::CredentialError;

/// The content of a credential file that is about to be changed. Reading and writing the file is the caller's.
#[derive(Clone, Debug, PartialEq)]
pub struct LoginFile {
    content: Map<String, Value>,
}

impl LoginFile {
    /// Reads the bytes of a file; none are an empty file.
    ///
    /// # Errors
    /// [`CredentialError::Malformed`]: a file that cannot be understood is not written over.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self, CredentialError> {
        if bytes.trim_ascii().is_empty() {
            return Ok(Self {
                content: Map::new(),
            });
        }
        let malformed = |reason: String| CredentialError::Malformed {
            path: path.to_owned(),
            reason,
        };
        // The parser's own message can quote a password.
        let content = serde_json::from_slice(bytes).map_err(|error| {
            malformed(format!("line {}, column {}", error.line(), error.column()))
        })?;
        let file = Self { content };
        for key in ["auths", "credHelpers"] {
            let wrong = file
                .content
                .get(key)
                .is_some_and(|value| !value.is_object() && !value.is_null());
            if wrong {
                return Err(malformed(format!("{key} is no object")));
            }
        }
        Ok(file)
    }

    /// Returns the credential helper that keeps the logins of a host, if the file names one.
    pub fn helper(&self, host: &str) -> Option<&str> {
        let wanted = Key::parse(host).host;
        let own = self.content.get("credHelpers").and_then(Value::as_object);
        let own = own
            .into_iter()
            .flatten()
            .find(|(key, _)| Key::parse(key).host == wanted);
        let all = self.content.get("credsStore");
        let name = own.map(|(_, name)| name).or(all)?.as_str()?;
        Some(name).filter(|name| !name.is_empty())
    }

    /// Lists the hosts that the file has or knows a login of, each once and sorted; those of paths below a host count for it.
    pub fn hosts(&self) -> Vec<String> {
        let keys = ["auths", "credHelpers"].into_iter();
        let keys = keys.filter_map(|key| self.content.get(key).and_then(Value::as_object));
        let hosts = keys.flat_map(Map::keys).map(|key| Key::parse(key).host);
        let hosts: std::collections::BTreeSet<String> =
            hosts.filter(|host| !host.is_empty()).collect();
        hosts.into_iter().collect()
    }

    /// Writes a login down, readable by whoever can read the file.
    pub fn write_down(&mut self, login: &Login) {
        let pair = format!("{}:{}", login.username, login.secret.expose());
        let entry = match login.identity_token {
            false => json!({"auth": STANDARD.encode(pair)}),
            true => json!({
                "auth": STANDARD.encode(format!("{}:", login.username)),
                "identitytoken": login.secret.expose(),
            }),
        };
        self.put(&login.host, entry);
    }

    /// Notes that a helper has the login of a host, as docker does.
    pub fn note(&mut self, host: &str) {
        self.put(host, json!({}));
    }

    fn put(&mut self, host: &str, entry: Value) {
        self.remove(host);
        let address = Key::parse(host).helper_address();
        let auths = self.content.entry("auths").or_insert_with(|| json!({}));
        if auths.is_null() {
            *auths = json!({});
        }
        if let Some(auths) = auths.as_object_mut() {
            auths.insert(address, entry);
        }
    }

    /// Takes every entry of a host away, whatever it is called, but not those of paths below it. Tells whether there was one.
    pub fn remove(&mut self, host: &str) -> bool {
        let wanted = Key::parse(host).host;
        let Some(auths) = self.content.get_mut("auths").and_then(Value::as_object_mut) else {
            return false;
        };
        let before = auths.len();
        auths.retain(|key, _| {
            let key = Key::parse(key);
            key.host != wanted || !key.path.is_empty()
        });
        auths.len() < before
    }

    /// Returns the bytes to write, indented as docker does.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let formatter = serde_json::ser::PrettyFormatter::with_indent(b"\t");
        let mut writer = serde_json::Serializer::with_formatter(&mut bytes, formatter);
        // A map of values that were parsed has nothing that could not be written.
        if serde::Serialize::serialize(&self.content, &mut writer).is_err() {
            return Value::Object(self.content.clone()).to_string().into_bytes();
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Secret;

    fn file(text: &str) -> LoginFile {
        LoginFile::parse(Path::new("config.json"), text.as_bytes()).expect("read")
    }

    fn login(host: &str, identity_token: bool) -> Login {
        Login {
            host: host.to_owned(),
            username: "alice".to_owned(),
            secret: Secret::new("s:3"),
            identity_token,
        }
    }

    #[test]
    fn what_others_wrote_stays_as_it_was() {
        let mut file = file(
            r#"{"z": 1, "auths": {"https://index.docker.io/v1/": {"auth": "eDp5"}, "b.example/team": {"auth": "eDp5"}},
                "HttpHeaders": {"User-Agent": "x"}, "a": [1, 2.50]}"#,
        );
        file.write_down(&login("b.example", false));
        file.write_down(&login("docker.io", true));
        let text = String::from_utf8(file.to_bytes()).expect("text");
        let value: Value = serde_json::from_str(&text).expect("JSON");
        let keys: Vec<_> = value.as_object().expect("an object").keys().collect();
        assert_eq!(keys, ["z", "auths", "HttpHeaders", "a"], "in their order");
        let auths = value["auths"].as_object().expect("an object");
        assert_eq!(auths.len(), 3, "{text}");
        assert_eq!(auths["b.example"]["auth"], STANDARD.encode("alice:s:3"));
        assert_eq!(auths["b.example/team"]["auth"], "eDp5");
        assert_eq!(auths["https://index.docker.io/v1/"]["identitytoken"], "s:3");
        assert!(text.contains("\n\t\"auths\": {"), "{text}");
    }

    #[test]
    fn all_spellings_of_a_host_go() {
        let mut file = file(
            r#"{"auths": {"https://b.example/v1/": {}, "B.example:443": {}, "b.example": {}, "b.example:5000": {}, "c": {}}}"#,
        );
        assert!(file.remove("b.example"));
        assert!(!file.remove("b.example"));
        let text = String::from_utf8(file.to_bytes()).expect("text");
        assert!(
            text.contains("b.example:5000") && text.contains("\"c\""),
            "{text}"
        );
    }

    #[test]
    fn hosts_are_listed_once_whatever_they_are_called() {
        let file = file(
            r#"{"auths": {"https://b.example/v1/": {}, "b.example/team": {}, "https://index.docker.io/v1/": {}},
                "credHelpers": {"a.example:5000": "own"}, "credsStore": "all"}"#,
        );
        assert_eq!(file.hosts(), ["a.example:5000", "b.example", "docker.io"]);
        assert!(
            LoginFile::parse(Path::new("x"), b"")
                .expect("empty")
                .hosts()
                .is_empty()
        );
    }

    #[test]
    fn helpers_of_a_host_and_of_all() {
        let file =
            file(r#"{"credsStore": "all", "credHelpers": {"b.example": "own", "docker.io": ""}}"#);
        assert_eq!(file.helper("b.example"), Some("own"));
        assert_eq!(file.helper("c.example"), Some("all"));
        assert_eq!(file.helper("docker.io"), None);
        let path = Path::new("config.json");
        for wrong in ["[]", "{", r#"{"auths": 1}"#, r#"{"auths": {"a": "#] {
            let error = LoginFile::parse(path, wrong.as_bytes()).expect_err(wrong);
            assert!(matches!(error, CredentialError::Malformed { .. }));
        }
        assert_eq!(
            LoginFile::parse(path, b" ").expect("empty").to_bytes(),
            b"{}"
        );
    }
}
