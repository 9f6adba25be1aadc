//! Where engines of Docker's kind may be.

use std::path::PathBuf;

use docker::{Address, Socket, Sources};

use super::Environment;

impl Environment<'_> {
    /// Reads what `docker` and `podman` read, and the usual places of their sockets.
    pub(super) fn engines(&self) -> Sources {
        let text = |name: &str| {
            self.variable(name)
                .and_then(|value| value.into_string().ok())
        };
        let path = self.variable("PATH");
        Sources {
            docker_host: text("DOCKER_HOST"),
            docker_context: text("DOCKER_CONTEXT"),
            docker_tls: self.variable("DOCKER_TLS_VERIFY").is_some(),
            docker_certificates: self.path("DOCKER_CERT_PATH"),
            docker_folder: self
                .path("DOCKER_CONFIG")
                .or_else(|| Some(self.home()?.join(".docker"))),
            docker_sockets: self.docker_sockets(),
            podman_sockets: self.podman_sockets(),
            programs: path
                .map(|path| std::env::split_paths(&path).collect())
                .unwrap_or_default(),
        }
    }

    fn docker_sockets(&self) -> Vec<Socket> {
        if cfg!(windows) {
            return vec![
                pipe("docker:engine", "Docker", "docker_engine"),
                pipe(
                    "docker:desktop",
                    "Docker Desktop",
                    "dockerDesktopLinuxEngine",
                ),
            ];
        }
        let below = |folder: Option<PathBuf>, path: &str| folder.map(|folder| folder.join(path));
        let places = [
            (
                "docker:system",
                "Docker",
                Some(PathBuf::from("/var/run/docker.sock")),
            ),
            (
                "docker:rootless",
                "Docker (rootless)",
                below(self.path("XDG_RUNTIME_DIR"), "docker.sock"),
            ),
            (
                "docker:desktop",
                "Docker Desktop",
                below(self.home(), ".docker/desktop/docker.sock"),
            ),
            (
                "docker:run",
                "Docker Desktop",
                below(self.home(), ".docker/run/docker.sock"),
            ),
        ];
        sockets(&places)
    }

    fn podman_sockets(&self) -> Vec<Socket> {
        if cfg!(windows) {
            return vec![pipe(
                "podman:machine",
                "Podman machine",
                "podman-machine-default",
            )];
        }
        let below = |folder: Option<PathBuf>, path: &str| folder.map(|folder| folder.join(path));
        let from_environment = self.variable("CONTAINER_HOST");
        let said = from_environment.and_then(|value| value.into_string().ok());
        let said = said.and_then(|text| text.parse::<Address>().ok());
        let places = [
            (
                "podman:user",
                "Podman",
                below(self.path("XDG_RUNTIME_DIR"), "podman/podman.sock"),
            ),
            (
                "podman:system",
                "Podman (root)",
                Some(PathBuf::from("/run/podman/podman.sock")),
            ),
            (
                "podman:machine",
                "Podman machine",
                below(
                    self.home(),
                    ".local/share/containers/podman/machine/podman.sock",
                ),
            ),
            (
                "podman:machine-api",
                "Podman machine",
                below(
                    self.path("TMPDIR"),
                    "podman/podman-machine-default-api.sock",
                ),
            ),
        ];
        let said = said.map(|address| Socket {
            id: "podman:host".into(),
            title: "CONTAINER_HOST".into(),
            address,
        });
        said.into_iter().chain(sockets(&places)).collect()
    }
}

fn sockets(places: &[(&str, &str, Option<PathBuf>)]) -> Vec<Socket> {
    places
        .iter()
        .filter_map(|(id, title, path)| {
            Some(Socket {
                id: (*id).to_owned(),
                title: (*title).to_owned(),
                address: Address::Unix(path.clone()?),
            })
        })
        .collect()
}

fn pipe(id: &str, title: &str, name: &str) -> Socket {
    Socket {
        id: id.to_owned(),
        title: title.to_owned(),
        address: Address::Pipe(format!(r"\\.\pipe\{name}")),
    }
}
