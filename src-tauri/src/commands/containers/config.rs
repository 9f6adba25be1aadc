//! How programs of a container run.

use engine::ContainerConfig;
use serde::{Deserialize, Serialize};
use specta::Type;
use tauri::State;

use super::id_of;
use crate::{Failure, Session};

/// Settings of a container, those of its image included. What is empty is not set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ContainerSettings {
    /// Arguments that a user replaces; the program itself where there is no entrypoint.
    pub cmd: Vec<String>,
    /// The program, before the arguments.
    pub entrypoint: Vec<String>,
    /// Environment, as `NAME=value`.
    pub env: Vec<String>,
    /// Ports, as `80/tcp`.
    pub ports: Vec<String>,
    /// The folder that a program starts in.
    pub workdir: String,
    /// User (and group) of the program.
    pub user: String,
    /// Notes, as `key=value`.
    pub labels: Vec<String>,
    /// Folders whose content lives outside.
    pub volumes: Vec<String>,
}

/// Tells a container's settings.
#[tauri::command]
#[specta::specta]
pub(crate) async fn container_settings(
    session: State<'_, Session>,
    container: String,
) -> Result<ContainerSettings, Failure> {
    session
        .with(|engine| async move {
            let config = engine.container_config(&id_of(&container)?).await?;
            Ok(config.into())
        })
        .await
}

/// Changes a container's settings, all of them at once.
#[tauri::command]
#[specta::specta]
pub(crate) async fn set_container_settings(
    session: State<'_, Session>,
    container: String,
    settings: ContainerSettings,
) -> Result<(), Failure> {
    session
        .change(|engine| async move {
            let config = settings.parse()?;
            Ok(engine
                .set_container_config(&id_of(&container)?, config)
                .await?)
        })
        .await
}

impl ContainerSettings {
    /// Checks what could not be read again by whoever runs the image.
    fn parse(self) -> Result<ContainerConfig, Failure> {
        let ContainerSettings {
            cmd,
            entrypoint,
            env,
            ports,
            workdir,
            user,
            labels,
            volumes,
        } = self;
        if let Some(bad) = env.iter().find(|pair| !has_name(pair)) {
            return Err(refusal("NAME=value", bad));
        }
        if let Some(bad) = labels.iter().find(|pair| !has_name(pair)) {
            return Err(refusal("key=value", bad));
        }
        let ports: Option<Vec<String>> = ports.iter().map(|port| port_of(port)).collect();
        let ports = ports.ok_or_else(|| {
            Failure::new(
                "usage",
                "A port is a number from 1 to 65535, with /tcp or /udp.",
            )
        })?;
        let outside = |path: &&String| !path.starts_with('/');
        if let Some(bad) = volumes.iter().find(outside) {
            return Err(Failure::new(
                "usage",
                format!("The volume {bad} is no path from the root on."),
            ));
        }
        Ok(ContainerConfig {
            cmd: Some(cmd),
            entrypoint: Some(entrypoint),
            env: Some(env),
            exposed_ports: Some(ports),
            working_dir: Some(workdir),
            user: Some(user),
            labels: Some(
                labels
                    .iter()
                    .filter_map(|pair| pair.split_once('='))
                    .map(|(key, value)| (key.to_owned(), value.to_owned()))
                    .collect(),
            ),
            volumes: Some(volumes),
            stop_signal: None,
        })
    }
}

fn has_name(pair: &str) -> bool {
    pair.split_once('=')
        .is_some_and(|(name, _)| !name.is_empty())
}

fn refusal(form: &str, bad: &str) -> Failure {
    Failure::new("usage", format!("{bad} is not of the form {form}."))
}

/// Writes a port as configs do: with its protocol.
fn port_of(port: &str) -> Option<String> {
    let (number, protocol) = port.split_once('/').unwrap_or((port, "tcp"));
    let number: u16 = number.parse().ok()?;
    let known = matches!(protocol, "tcp" | "udp" | "sctp");
    (number > 0 && known).then(|| format!("{number}/{protocol}"))
}

impl From<ContainerConfig> for ContainerSettings {
    fn from(config: ContainerConfig) -> ContainerSettings {
        let ContainerConfig {
            cmd,
            entrypoint,
            env,
            exposed_ports,
            working_dir,
            user,
            labels,
            volumes,
            stop_signal: _,
        } = config;
        let labels = labels.unwrap_or_default();
        ContainerSettings {
            cmd: cmd.unwrap_or_default(),
            entrypoint: entrypoint.unwrap_or_default(),
            env: env.unwrap_or_default(),
            ports: exposed_ports.unwrap_or_default(),
            workdir: working_dir.unwrap_or_default(),
            user: user.unwrap_or_default(),
            labels: labels
                .into_iter()
                .map(|(key, value)| format!("{key}={value}"))
                .collect(),
            volumes: volumes.unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_has_a_protocol() {
        assert_eq!(port_of("80").as_deref(), Some("80/tcp"));
        assert_eq!(port_of("53/udp").as_deref(), Some("53/udp"));
        for bad in ["", "0", "65536", "80/http", "a", "80/"] {
            assert_eq!(port_of(bad), None, "{bad}");
        }
    }
}
