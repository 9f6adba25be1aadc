//! The real `docker-registry`, on a free loopback port.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use oci::Reference;
use tempfile::TempDir;

use crate::{Document, Image, start_on_port};

/// How the registry is set up.
#[derive(Clone, Debug, Default)]
pub struct DockerRegistryOptions {
    /// The only user and the password; without them everybody is let in.
    pub login: Option<(String, String)>,
    /// Whether it speaks TLS, with a certificate by an authority made for it.
    pub tls: bool,
    /// Whether that certificate is signed by itself instead, as `openssl req -x509` makes it.
    pub self_signed: bool,
    /// The realm of the token server that gives the tokens, and the certificate that they are signed with.
    pub tokens: Option<(String, PathBuf)>,
    /// Where it keeps its data; without it in a folder that goes away with it.
    pub folder: Option<PathBuf>,
}

/// A running `docker-registry` (Debian's package of that name). Stopped by its process id when dropped.
#[derive(Debug)]
pub struct DockerRegistry {
    child: Child,
    port: u16,
    folder: PathBuf,
    options: DockerRegistryOptions,
    _throw_away: Option<TempDir>,
}

impl DockerRegistry {
    /// Starts one without login and TLS.
    pub fn plain() -> Self {
        Self::start(&DockerRegistryOptions::default())
    }

    /// Starts one and waits until it answers.
    pub fn start(options: &DockerRegistryOptions) -> Self {
        let program = find("docker-registry", "docker-registry");
        let (folder, throw_away) = match &options.folder {
            Some(folder) => (folder.clone(), None),
            None => {
                let made = tempfile::tempdir().unwrap();
                (made.path().to_owned(), Some(made))
            }
        };
        std::fs::create_dir_all(&folder).unwrap();
        if options.tls {
            match options.self_signed {
                true => make_own_certificate(&folder),
                false => make_certificates(&folder),
            }
        }
        if let Some((name, password)) = &options.login {
            std::fs::write(
                folder.join("htpasswd"),
                format!("{name}:{}\n", bcrypt(password)),
            )
            .unwrap();
        }
        let started = start_on_port(|port| {
            let config = folder.join("config.yml");
            std::fs::write(&config, configuration(&folder, port, options)).unwrap();
            let log = std::fs::File::create(folder.join("log")).unwrap();
            Command::new(&program)
                .arg("serve")
                .arg(&config)
                .stdin(Stdio::null())
                .stdout(log.try_clone().unwrap())
                .stderr(log)
                .spawn()
                .unwrap()
        });
        let Some((child, port)) = started else {
            let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
            panic!("docker-registry does not start: {log}");
        };
        Self {
            child,
            port,
            folder,
            options: options.clone(),
            _throw_away: throw_away,
        }
    }

    /// Returns `localhost:PORT` with TLS, whose certificate is for that name too, else `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        let name = if self.options.tls {
            "localhost"
        } else {
            "127.0.0.1"
        };
        format!("{name}:{}", self.port)
    }

    /// Returns the certificate of the authority that signed the registry's certificate; its own, where it is signed by itself.
    pub fn ca_file(&self) -> PathBuf {
        assert!(self.options.tls, "there is no TLS");
        self.folder.join("certs/ca.crt")
    }

    /// Returns the full reference of `app:1` here.
    pub fn reference(&self, name: &str) -> Reference {
        Reference::parse_normalized(&format!("{}/{name}", self.host())).unwrap()
    }

    /// Copies an image into the registry with `skopeo`, byte for byte, and returns its reference.
    pub fn push(&self, name: &str, image: &Image) -> Reference {
        let folder = tempfile::tempdir().unwrap();
        write_folder(folder.path(), image);
        self.skopeo_copy(&format!("dir:{}", folder.path().display()), name)
    }

    /// Copies from any of skopeo's sources (`oci:DIR:TAG`, `docker-archive:FILE`) and returns the reference.
    pub fn skopeo_copy(&self, source: &str, name: &str) -> Reference {
        let reference = self.reference(name);
        let mut command = Command::new(find("skopeo", "skopeo"));
        // A machine that has no policy for images still runs this.
        command.args([
            "--insecure-policy",
            "copy",
            "--quiet",
            "--all",
            "--preserve-digests",
        ]);
        if self.options.tls {
            command
                .arg("--dest-cert-dir")
                .arg(self.folder.join("certs"));
        } else {
            command.arg("--dest-tls-verify=false");
        }
        if let Some((name, password)) = &self.options.login {
            command.arg(format!("--dest-creds={name}:{password}"));
        }
        let output = command
            .arg(source)
            .arg(format!("docker://{reference}"))
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "skopeo: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        reference
    }
}

impl Drop for DockerRegistry {
    fn drop(&mut self) {
        // It may have ended by itself; either way there is nothing to wait for afterwards.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn configuration(folder: &Path, port: u16, options: &DockerRegistryOptions) -> String {
    let folder = folder.display();
    let mut text = format!(
        "version: 0.1\nlog: {{level: warn}}\nstorage:\n  filesystem: {{rootdirectory: {folder}/data}}\n  \
         delete: {{enabled: true}}\nhttp:\n  addr: 127.0.0.1:{port}\n"
    );
    if options.tls {
        text.push_str(&format!(
            "  tls: {{certificate: {folder}/server.crt, key: {folder}/server.key}}\n"
        ));
    }
    if let Some((realm, certificate)) = &options.tokens {
        text.push_str(&format!(
            "auth: {{token: {{realm: \"{realm}\", service: {}, issuer: {}, rootcertbundle: {}}}}}\n",
            crate::token_server::SERVICE,
            crate::token_server::ISSUER,
            certificate.display()
        ));
    }
    if options.login.is_some() {
        text.push_str(&format!(
            "auth: {{htpasswd: {{realm: testkit, path: {folder}/htpasswd}}}}\n"
        ));
    }
    text
}

pub(crate) fn find(program: &str, package: &str) -> PathBuf {
    let places = [
        "/usr/bin",
        "/usr/sbin",
        "/usr/local/bin",
        "/bin",
        "/opt/homebrew/bin",
    ];
    let found = places
        .iter()
        .map(|place| Path::new(place).join(program))
        .find(|path| path.is_file());
    found.unwrap_or_else(|| {
        panic!("{program} is not installed; on Debian and Ubuntu: apt-get install {package}")
    })
}

/// Runs a program in a folder and returns what it printed, in English. One that is missing is named with its package.
pub fn run(program: &str, arguments: &[&str], folder: &Path) -> String {
    let output = Command::new(find(program, program))
        .args(arguments)
        .current_dir(folder)
        .env("LC_ALL", "C")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Hashes a password as the registry wants it. perl is on every Debian; the salt may be the same in a test.
fn bcrypt(password: &str) -> String {
    run(
        "perl",
        &[
            "-e",
            "print crypt($ARGV[0], q($2y$05$abcdefghijklmnopqrstuu))",
            password,
        ],
        Path::new("/"),
    )
}

/// Makes a certificate for localhost, and not for 127.0.0.1, that nobody else has signed, the way that most pages tell.
fn make_own_certificate(folder: &Path) {
    std::fs::create_dir_all(folder.join("certs")).unwrap();
    let line = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=registry.corp \
                -keyout server.key -out server.crt -addext subjectAltName=DNS:localhost";
    let words: Vec<&str> = line.split_whitespace().collect();
    run("openssl", &words, folder);
    std::fs::copy(folder.join("server.crt"), folder.join("certs/ca.crt")).unwrap();
}

/// Makes an authority, and by it a certificate for localhost and 127.0.0.1.
fn make_certificates(folder: &Path) {
    let certs = folder.join("certs");
    std::fs::create_dir_all(&certs).unwrap();
    let openssl = |line: &str| run("openssl", &line.split(' ').collect::<Vec<_>>(), folder);
    openssl(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=testkit-authority \
         -keyout ca.key -out certs/ca.crt -addext basicConstraints=critical,CA:TRUE \
         -addext keyUsage=critical,keyCertSign,cRLSign",
    );
    openssl(
        "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -keyout server.key -out server.csr",
    );
    let extensions = "subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n";
    std::fs::write(folder.join("extensions"), extensions).unwrap();
    openssl(
        "x509 -req -in server.csr -CA certs/ca.crt -CAkey ca.key -CAcreateserial -days 30 -extfile extensions \
         -out server.crt",
    );
}

/// Writes an image as a folder that skopeo's `dir:` reads.
fn write_folder(folder: &Path, image: &Image) {
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.join(name), bytes).unwrap();
    write("version", b"Directory Transport Version: 1.1\n");
    write("manifest.json", &image.root.bytes);
    for Document { digest, bytes, .. } in &image.children {
        write(&format!("{}.manifest.json", digest.hex()), bytes);
    }
    for (digest, bytes) in &image.blobs {
        write(digest.hex(), bytes);
    }
}
