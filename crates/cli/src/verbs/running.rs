//! `strata create`, `run`, `start`, `stop`, `exec` and `logs`.

use std::io::Write;
use std::time::Duration;

use engine::{
    Container, ContainerId, CreateRequest, Engine, ExecOptions, ImageName, Limits, LogLine,
    LogReader, LogStream, Mount, MovePolicy, Network, Platform, Port, PullRequest, RunOptions,
    Selector, StartRequest, run_options,
};

use super::attend::{Lent, attend, check_terminal};
use super::containers::document;
use crate::{
    arguments::{Create, Exec, Logs, PullPolicy, Run, RunFlags, Start, Stop},
    failure::Failure,
    json,
    session::Session,
    text::escaped,
};

/// How often a log is looked at for more.
const LOOK: Duration = Duration::from_millis(100);

pub(super) fn create(
    session: &Session,
    arguments: Create,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let Create {
        flags,
        image,
        command,
    } = arguments;
    let made = session.with_engine_at_length("No container was made.", async |engine| {
        make(session, engine, &flags, &image, &command).await
    })?;
    match session.json() {
        true => json::write(out, &document(&made))?,
        false => writeln!(out, "{}", made.id)?,
    }
    Ok(())
}

pub(super) fn run(session: &Session, arguments: Run, out: &mut dyn Write) -> Result<(), Failure> {
    let (image, command) = arguments.image_and_command()?;
    let command = command.to_vec();
    let Run { detach, flags, .. } = arguments;
    if !detach {
        check_terminal(flags.tty, flags.interactive)?;
    }
    let code = session
        .with_engine_alone(async |engine| {
            let made = make(session, engine, &flags, &image, &command).await?;
            let request = StartRequest {
                detached: detach,
                ..StartRequest::default()
            };
            let started = engine.start_container(&made.id, request, &|_| {}).await;
            let process = match started {
                Ok(process) => process,
                Err(error) => {
                    // Why it does not run counts more than why it stays.
                    if flags.rm
                        && let Err(stays) = engine.remove_container(&made.id, true).await
                    {
                        session.note(&format!(
                            "The container {} stays: {}",
                            made.id,
                            stays.message()
                        ));
                    }
                    return Err(error.into());
                }
            };
            if detach {
                match session.json() {
                    true => {
                        json::write(out, &document(&engine.container(made.id.as_str()).await?))?;
                    }
                    false => writeln!(out, "{}", made.id)?,
                }
                return Ok(0);
            }
            let lent = Lent {
                terminal: flags.tty,
                input: flags.interactive,
            };
            attend(process, lent).await
        })
        .map_err(not_run)?;
    ended(code)
}

/// Makes the container that `run` and `create` describe, and brings its image first where that is wanted.
async fn make(
    session: &Session,
    engine: &Engine,
    flags: &RunFlags,
    image: &Selector,
    command: &[String],
) -> Result<Container, Failure> {
    let mut options = options(flags, command)?;
    options.network = match &flags.network {
        Some(text) => text.parse().map_err(engine::Error::from)?,
        None if !options.ports.is_empty() => Network::Private,
        None => engine.default_network(),
    };
    let request = || CreateRequest {
        image: image.clone(),
        name: flags.name.clone().filter(|name| !name.is_empty()),
    };
    if flags.pull == PullPolicy::Always {
        pull(session, engine, flags, image).await?;
    }
    let usual = RunOptions {
        network: engine.default_network(),
        ..RunOptions::default()
    };
    let is_usual = options == usual && !flags.rm;
    let create = async || match is_usual {
        true => engine.create_container(request()).await,
        false => {
            let options = options.clone();
            engine
                .create_container_to_run(request(), options, flags.rm)
                .await
        }
    };
    let here = match is_for(engine, image, flags.platform.as_ref()).await {
        Ok(()) => create().await.map_err(Failure::from),
        Err(other) => Err(other),
    };
    match &here {
        Err(error)
            if flags.pull == PullPolicy::Missing && is_wanting(engine, image, error).await => {}
        _ => return here,
    }
    session.note(&format!("Unable to find image '{}' locally", image.text()));
    pull(session, engine, flags, image).await?;
    is_for(engine, image, flags.platform.as_ref()).await?;
    Ok(create().await?)
}

/// Tells whether a container could not be made for want of an image that a pull would bring.
async fn is_wanting(engine: &Engine, image: &Selector, error: &Failure) -> bool {
    match (error.code(), engine.image(image).await) {
        // What is meant by its ID is what is here.
        ("platform_not_found", Ok(detail)) => image
            .reference()
            .is_some_and(|name| detail.summary.names.contains(&ImageName::of(name))),
        // It can be the program that there is not.
        ("not_found", Err(error)) => error.code() == "not_found",
        _ => false,
    }
}

/// Refuses an image that is here for another platform than the one that was asked for. One that is not here is not judged.
async fn is_for(
    engine: &Engine,
    image: &Selector,
    wanted: Option<&Platform>,
) -> Result<(), Failure> {
    let Some(wanted) = wanted else {
        return Ok(());
    };
    match engine
        .image(image)
        .await
        .map(|detail| detail.summary.platform)
    {
        Ok(Some(platform)) if wanted.rank(&platform).is_none() => Err(Failure::Refused {
            code: "platform_not_found",
            message: format!(
                "{} is here for {platform}, and not for {wanted}.",
                image.text()
            ),
            hint: None,
        }),
        Err(error) if error.code() != "not_found" => Err(error.into()),
        Ok(_) | Err(_) => Ok(()),
    }
}

async fn pull(
    session: &Session,
    engine: &Engine,
    flags: &RunFlags,
    image: &Selector,
) -> Result<(), Failure> {
    let request = PullRequest {
        reference: super::reference(image.text())?,
        platform: flags.platform.clone(),
        move_policy: MovePolicy::Move,
    };
    let progress = session.progress("pull");
    Box::pin(engine.pull(&request, progress.as_ref())).await?;
    Ok(())
}

fn options(flags: &RunFlags, command: &[String]) -> Result<RunOptions, Failure> {
    let mut environment = Vec::new();
    for file in &flags.env_file {
        let text = std::fs::read_to_string(file)
            .map_err(|error| Failure::Usage(format!("{}: {error}", file.display())))?;
        let read = run_options::parse_environment_file(&text, &variable);
        environment.extend(read.map_err(engine::Error::from)?);
    }
    environment.extend(variables(&flags.env)?);
    let mut mounts = Vec::new();
    for text in &flags.volume {
        mounts.push(Mount::parse(&below_here(text)).map_err(engine::Error::from)?);
    }
    for text in &flags.tmpfs {
        mounts.push(Mount::memory(text).map_err(engine::Error::from)?);
    }
    let mut ports = Vec::new();
    for text in &flags.publish {
        ports.extend(Port::parse(text).map_err(engine::Error::from)?);
    }
    Ok(RunOptions {
        command: command.to_vec(),
        entrypoint: flags.entrypoint.clone().map(|program| vec![program]),
        environment,
        folder: flags.workdir.clone(),
        user: flags.user.clone(),
        hostname: flags.hostname.clone(),
        mounts,
        network: Network::None,
        ports,
        read_only: flags.read_only,
        terminal: flags.tty,
        stdin: flags.interactive,
        no_new_privileges: false,
        limits: limits(flags)?,
    })
}

fn limits(flags: &RunFlags) -> Result<Limits, engine::Error> {
    let memory = flags.memory.as_deref().map(Limits::parse_memory);
    let cpus = flags.cpus.as_deref().map(Limits::parse_cpus);
    let processes = flags.pids_limit.as_deref().map(Limits::parse_processes);
    Ok(Limits {
        memory: memory.transpose()?.flatten(),
        cpus: cpus.transpose()?.flatten(),
        processes: processes.transpose()?.flatten(),
    })
}

/// A source that begins with a dot is below the folder that one is in, as with docker.
fn below_here(text: &str) -> String {
    match (text.starts_with('.'), text.split_once(':')) {
        (true, Some((source, rest))) => match std::path::absolute(source) {
            Ok(source) => format!("{}:{rest}", source.display()),
            Err(_) => text.to_owned(),
        },
        _ => text.to_owned(),
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn variables(texts: &[String]) -> Result<Vec<String>, Failure> {
    let mut found = Vec::new();
    for text in texts {
        found.extend(run_options::parse_environment(text, &variable).map_err(engine::Error::from)?);
    }
    Ok(found)
}

pub(super) fn start(
    session: &Session,
    arguments: &Start,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let attached = arguments.attach || arguments.interactive;
    if attached && arguments.containers.len() > 1 {
        return Err(Failure::Usage(
            "only one container can be attached to at once".into(),
        ));
    }
    let request = StartRequest {
        detached: !attached,
        stdin: arguments.interactive,
        ..StartRequest::default()
    };
    if let ([text], true) = (&*arguments.containers, attached) {
        let code = session
            .with_engine_alone(async |engine| {
                let container = engine.container(text).await?;
                let terminal = engine.run_options(&container.id).await?.terminal;
                let process = engine
                    .start_container(&container.id, request, &|_| {})
                    .await?;
                let lent = Lent {
                    terminal,
                    input: arguments.interactive,
                };
                attend(process, lent).await
            })
            .map_err(not_run)?;
        return ended(code);
    }
    let each = async |engine: &Engine, text: &str| {
        let container = engine.container(text).await?;
        if !container.status.is_running() {
            engine
                .start_container(&container.id, request, &|_| {})
                .await?;
        }
        Ok::<(), engine::Error>(())
    };
    for_each(session, &arguments.containers, &each, out)
}

/// Does something with one container after the other, also where it fails for one of them, and prints those with which it was done.
fn for_each(
    session: &Session,
    containers: &[String],
    each: &impl AsyncFn(&Engine, &str) -> Result<(), engine::Error>,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let errors = session.with_engine_alone(async |engine| {
        let (mut done, mut errors) = (Vec::new(), Vec::new());
        for text in containers {
            match each(engine, text.as_str()).await {
                Ok(()) if session.json() => done.push(text),
                Ok(()) => writeln!(out, "{}", escaped(text))?,
                Err(error) => errors.push(error),
            }
        }
        if session.json() {
            json::write(out, &done)?;
        }
        Ok(errors)
    })?;
    Failure::of_several(errors)
}

pub(super) fn stop(
    session: &Session,
    arguments: &Stop,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let patience = Duration::from_secs(arguments.time.into());
    let each = async |engine: &Engine, text: &str| {
        let container = engine.container(text).await?;
        engine.stop_container(&container.id, patience).await
    };
    for_each(session, &arguments.containers, &each, out)
}

pub(super) fn exec(session: &Session, arguments: Exec) -> Result<(), Failure> {
    let (container, command) = arguments.container_and_command()?;
    let (container, command) = (container.to_owned(), command.to_vec());
    let Exec {
        interactive,
        tty,
        env,
        workdir,
        user,
        ..
    } = arguments;
    check_terminal(tty, interactive)?;
    let options = ExecOptions {
        arguments: command,
        environment: variables(&env)?,
        folder: workdir,
        user,
        terminal: tty,
        stdin: interactive,
    };
    let code = session
        .with_engine_alone(async |engine| {
            let container = engine.container(&container).await?;
            let process = engine.exec_container(&container.id, options).await?;
            let lent = Lent {
                terminal: tty,
                input: interactive,
            };
            attend(process, lent).await
        })
        .map_err(not_run)?;
    ended(code)
}

pub(super) fn logs(
    session: &Session,
    arguments: &Logs,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    session.with_engine_at_length("The container goes on.", async |engine| {
        let id = engine.container(&arguments.container).await?.id;
        let mut reader = engine.container_logs(&id).await?;
        loop {
            // What is written before its end is seen before.
            let goes_on = arguments.follow && runs(engine, &id).await?;
            show(&mut reader, arguments.timestamps, out)?;
            out.flush()?;
            if !goes_on {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
    })
}

async fn runs(engine: &Engine, id: &ContainerId) -> Result<bool, Failure> {
    match engine.container(id.as_str()).await {
        Ok(container) => Ok(container.status.is_running()),
        Err(error) if error.code() == "not_found" => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn show(reader: &mut LogReader, times: bool, out: &mut dyn Write) -> Result<(), Failure> {
    while let Some(line) = reader.next_line()? {
        let LogLine { time, stream, text } = line;
        let time = match times {
            true => format!("{time} "),
            false => String::new(),
        };
        match stream {
            LogStream::Output => {
                out.write_all(time.as_bytes())?;
                out.write_all(&text)?;
            }
            LogStream::Error => {
                out.flush()?;
                let mut errors = std::io::stderr().lock();
                errors.write_all(time.as_bytes())?;
                errors.write_all(&text)?;
            }
        }
    }
    Ok(())
}

/// What keeps a program from running ends with docker's 125, 126 or 127, so that its own codes can be told from it.
fn not_run(failure: Failure) -> Failure {
    let code = match &failure {
        Failure::Engine(error) => error.run_exit_code(),
        _ => 125,
    };
    Failure::NotRun {
        failure: Box::new(failure),
        code,
    }
}

/// The program's exit code is ours.
fn ended(code: u8) -> Result<(), Failure> {
    match code {
        0 => Ok(()),
        code => Err(Failure::Ended(code)),
    }
}
