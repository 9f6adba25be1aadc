//! How a container is started: what is possible here, what is asked for, and the same for docker.

use engine::{RunField as Field, RunOptions, RunText, RuntimeProbe, docker_run, human};
use serde::{Deserialize, Serialize};
use specta::Type;
use tauri::State;

use super::id_of;
use crate::{Failure, Session};

/// What is possible on this computer.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct RunProbe {
    /// Whether containers can run.
    pub can_run: bool,
    /// Whether one can have a network of its own.
    pub private_network: bool,
    /// The program that gives it that: `pasta` or `slirp4netns`.
    pub network_program: Option<String>,
    /// Why memory, CPUs and processes of a container cannot be limited; `null` where they can.
    pub no_limits: Option<String>,
    /// What keeps them from running, or from running as well as they could; the gravest first.
    pub findings: Vec<RunFinding>,
}

/// What is in the way.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct RunFinding {
    /// What it is, in a sentence.
    pub message: String,
    /// What a person can do about it.
    pub remedy: String,
    /// Whether nothing can run because of it.
    pub prevents: bool,
}

/// How a container is started, field by field as it is written. What is empty is not said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct RunForm {
    /// The command in place of the image's, as in a shell.
    pub command: String,
    /// The program in place of the image's entrypoint; two quotes for none.
    pub entrypoint: String,
    /// Variables, one a line: `NAME=value`, or `NAME` for the one of here. A value in quotes may have line breaks.
    pub env: String,
    /// Folders and volumes, as `[SOURCE:]PATH[:ro]`.
    pub mounts: Vec<String>,
    /// Places for memory, as `PATH[:ro]`.
    pub memory: Vec<String>,
    /// Ports, as `[[ADDRESS:]PORT:]PORT[/udp]`.
    pub ports: Vec<String>,
    /// `none`, `host` or `private`.
    pub network: String,
    /// The user.
    pub user: String,
    /// The folder to start in.
    pub workdir: String,
    /// The container's name for itself.
    pub hostname: String,
    /// The most memory, such as `512m`.
    pub memory_limit: String,
    /// The most of the CPUs' time, such as `1.5`.
    pub cpus: String,
    /// The most processes and threads.
    pub processes: String,
    /// Whether the image's files cannot be written to.
    pub read_only: bool,
    /// Whether it has a terminal.
    pub terminal: bool,
    /// Whether it takes input without one.
    pub stdin: bool,
    /// Whether the container goes when it has ended.
    pub remove: bool,
}

/// A field of a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum RunField {
    /// [`RunForm::command`].
    Command,
    /// [`RunForm::entrypoint`].
    Entrypoint,
    /// [`RunForm::env`].
    Env,
    /// [`RunForm::mounts`].
    Mounts,
    /// [`RunForm::memory`].
    Memory,
    /// [`RunForm::ports`].
    Ports,
    /// [`RunForm::network`].
    Network,
    /// [`RunForm::user`].
    User,
    /// [`RunForm::workdir`].
    Workdir,
    /// [`RunForm::hostname`].
    Hostname,
    /// [`RunForm::memory_limit`].
    MemoryLimit,
    /// [`RunForm::cpus`].
    Cpus,
    /// [`RunForm::processes`].
    Processes,
}

/// What is wrong with a field.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct RunProblem {
    /// Which.
    pub field: RunField,
    /// What is wrong, in a sentence.
    pub message: String,
}

/// What a form comes to.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct RunCheck {
    /// The `docker run` that does the same; `null` while something is wrong.
    pub command_line: Option<String>,
    /// What is wrong, one thing of a field.
    pub problems: Vec<RunProblem>,
}

/// Finds out whether containers can run here, and what would make more possible.
#[tauri::command]
#[specta::specta]
pub(crate) async fn probe_running(session: State<'_, Session>) -> Result<RunProbe, Failure> {
    session
        .with(|engine| async move { Ok(RunProbe::from(&engine.probe_runtime().await?)) })
        .await
}

/// Tells how a container is started.
#[tauri::command]
#[specta::specta]
pub(crate) async fn run_form(
    session: State<'_, Session>,
    container: String,
) -> Result<RunForm, Failure> {
    session
        .with(|engine| async move {
            let id = id_of(&container)?;
            let options = engine.run_options(&id).await?;
            Ok(RunForm::of(&options, engine.removed_at_end(&id).await?))
        })
        .await
}

/// Tells what a form would start that nobody has filled in yet: a terminal, and the network that is usual here.
#[tauri::command]
#[specta::specta]
pub(crate) async fn usual_run_form(session: State<'_, Session>) -> Result<RunForm, Failure> {
    session
        .with(|engine| async move {
            let usual = RunOptions {
                network: engine.default_network(),
                terminal: true,
                stdin: true,
                ..RunOptions::default()
            };
            Ok(RunForm::of(&usual, false))
        })
        .await
}

/// Says what is wrong with a form, and what docker would be told. Nothing is kept.
#[tauri::command]
#[specta::specta]
pub(crate) async fn check_run_form(
    session: State<'_, Session>,
    form: RunForm,
    image: String,
    name: String,
) -> Result<RunCheck, Failure> {
    let session = session.inner();
    session
        .with(|_| async move {
            let remove = form.remove;
            let read = form.read(session);
            let name = Some(name.trim()).filter(|name| !name.is_empty());
            Ok(match read {
                Ok(options) => RunCheck {
                    command_line: Some(docker_run(&image, name, &options, remove)),
                    problems: Vec::new(),
                },
                Err(problems) => RunCheck {
                    command_line: None,
                    problems,
                },
            })
        })
        .await
}

/// Says how a container is to be started.
#[tauri::command]
#[specta::specta]
pub(crate) async fn set_run_form(
    session: State<'_, Session>,
    container: String,
    form: RunForm,
) -> Result<(), Failure> {
    let session = session.inner();
    session
        .change(|engine| async move {
            let remove = form.remove;
            let read = form.read(session);
            let mut options = read.map_err(|problems| {
                let first = problems.into_iter().next();
                Failure::new(
                    "usage",
                    first.map_or_else(String::new, |problem| problem.message),
                )
            })?;
            let id = id_of(&container)?;
            // The form does not show this.
            let before = engine.run_options(&id).await?;
            options.no_new_privileges = before.no_new_privileges;
            Ok(engine.set_run_options(&id, options, remove).await?)
        })
        .await
}

impl RunForm {
    fn of(options: &RunOptions, remove: bool) -> RunForm {
        let RunText {
            command,
            entrypoint,
            environment,
            mounts,
            memory,
            ports,
            network,
            user,
            folder,
            hostname,
            memory_limit,
            cpus,
            processes,
            read_only,
            terminal,
            stdin,
        } = RunText::of(options);
        RunForm {
            command,
            entrypoint,
            env: environment,
            mounts,
            memory,
            ports,
            network,
            user,
            workdir: folder,
            hostname,
            memory_limit,
            cpus,
            processes,
            read_only,
            terminal,
            stdin,
            remove,
        }
    }

    fn read(self, session: &Session) -> Result<RunOptions, Vec<RunProblem>> {
        let RunForm {
            command,
            entrypoint,
            env,
            mounts,
            memory,
            ports,
            network,
            user,
            workdir,
            hostname,
            memory_limit,
            cpus,
            processes,
            read_only,
            terminal,
            stdin,
            remove: _,
        } = self;
        let text = RunText {
            command,
            entrypoint,
            environment: env,
            mounts,
            memory,
            ports,
            network,
            user,
            folder: workdir,
            hostname,
            memory_limit,
            cpus,
            processes,
            read_only,
            terminal,
            stdin,
        };
        let options = text.parse(&|name| session.variable(name));
        options.map_err(|problems| problems.into_iter().map(RunProblem::from).collect())
    }
}

impl From<engine::RunProblem> for RunProblem {
    fn from(problem: engine::RunProblem) -> RunProblem {
        let engine::RunProblem { field, message } = problem;
        RunProblem {
            field: match field {
                Field::Command => RunField::Command,
                Field::Entrypoint => RunField::Entrypoint,
                Field::Environment => RunField::Env,
                Field::Mounts => RunField::Mounts,
                Field::Memory => RunField::Memory,
                Field::Ports => RunField::Ports,
                Field::Network => RunField::Network,
                Field::User => RunField::User,
                Field::Folder => RunField::Workdir,
                Field::Hostname => RunField::Hostname,
                Field::MemoryLimit => RunField::MemoryLimit,
                Field::Cpus => RunField::Cpus,
                Field::Processes => RunField::Processes,
            },
            message,
        }
    }
}

impl From<&RuntimeProbe> for RunProbe {
    fn from(probe: &RuntimeProbe) -> RunProbe {
        let programs = probe.programs.as_ref();
        let network_program = programs.and_then(|programs| {
            let pasta = programs.pasta.as_ref().map(|_| "pasta");
            pasta.or(programs.slirp4netns.as_ref().map(|_| "slirp4netns"))
        });
        RunProbe {
            can_run: probe.can_run(),
            private_network: probe.has_private_network(),
            network_program: network_program.map(str::to_owned),
            no_limits: probe.no_limits.as_deref().map(human::sentence),
            findings: probe
                .findings
                .iter()
                .map(|finding| RunFinding {
                    message: human::sentence(&finding.to_string()),
                    remedy: finding.remedy().to_owned(),
                    prevents: finding.prevents(),
                })
                .collect(),
        }
    }
}
