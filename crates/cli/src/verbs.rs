//! The verbs: each asks the engine and prints what it says.

mod analyze;
mod attend;
mod check;
mod commit;
mod compare;
mod containers;
mod copy;
mod df;
mod edit;
mod engines;
mod files;
mod history;
mod images;
mod import;
mod inspect;
mod journal;
mod layers;
mod load;
mod login;
mod man;
mod moves;
mod pull;
mod push;
mod removal;
mod running;
mod save;
mod search;
mod tag;
mod tags;
mod undo;
mod unpack;
mod version;

use std::io::Write;

use clap::CommandFactory as _;
use engine::{Engine, Filter, MovePolicy, NoProgress, OpenedImage, Place, Reference};

use crate::{
    arguments::{Arguments, Verb},
    failure::Failure,
    session::Session,
};

/// Runs one verb.
pub(crate) fn run(session: &Session, verb: Verb, out: &mut dyn Write) -> Result<(), Failure> {
    match verb {
        Verb::Images(arguments) => images::run(session, &arguments, out),
        Verb::Pull(arguments) => pull::run(session, arguments, out),
        Verb::Push(arguments) => push::run(session, &arguments, out),
        Verb::Load(arguments) => load::run(session, arguments, out),
        Verb::Save(arguments) => save::run(session, arguments, out),
        Verb::Import(arguments) => import::run(session, arguments, out),
        Verb::Copy(arguments) => copy::run(session, arguments, out),
        Verb::Search(arguments) => search::run(session, &arguments, out),
        Verb::Tags(arguments) => tags::tags(session, &arguments, out),
        Verb::Catalog(arguments) => tags::catalog(session, &arguments, out),
        Verb::Login(arguments) => login::login(session, arguments, out),
        Verb::Logout(arguments) => login::logout(session, &arguments, out),
        Verb::Tag(arguments) => tag::run(session, &arguments, out),
        Verb::Rmi(arguments) => removal::remove(session, arguments, out),
        Verb::Prune(arguments) => removal::prune(session, &arguments, out),
        Verb::Undo => undo::run(session, out),
        Verb::Journal(arguments) => journal::run(session, &arguments, out),
        Verb::Inspect(arguments) => inspect::run(session, &arguments, out),
        Verb::History(arguments) => history::run(session, &arguments, out),
        Verb::Layers(arguments) => layers::run(session, &arguments, out),
        Verb::Ls(arguments) => files::list(session, &arguments, out),
        Verb::Cat(arguments) => files::print(session, &arguments, out),
        Verb::Create(arguments) => running::create(session, *arguments, out),
        Verb::Run(arguments) => running::run(session, *arguments, out),
        Verb::Start(arguments) => running::start(session, &arguments, out),
        Verb::Stop(arguments) => running::stop(session, &arguments, out),
        Verb::Exec(arguments) => running::exec(session, arguments),
        Verb::Logs(arguments) => running::logs(session, &arguments, out),
        Verb::Ps(arguments) => containers::list(session, &arguments, out),
        Verb::Rm(arguments) => containers::remove(session, &arguments, out),
        Verb::Diff(arguments) => containers::changes(session, &arguments, out),
        Verb::Edit(arguments) => edit::run(session, arguments, out),
        Verb::Commit(arguments) => commit::run(session, arguments, out),
        Verb::Export(arguments) => containers::export(session, arguments, out),
        Verb::Cp(arguments) => unpack::copy(session, &arguments, out),
        Verb::Unpack(arguments) => unpack::unpack(session, &arguments, out),
        Verb::Compare(arguments) => compare::run(session, &arguments, out),
        Verb::Packages(arguments) => compare::packages(session, &arguments, out),
        Verb::Analyze(arguments) => analyze::run(session, &arguments, out),
        Verb::Df(arguments) => df::run(session, &arguments, out),
        Verb::Engines => engines::run(session, out),
        Verb::Check(arguments) => check::run(session, &arguments, out),
        Verb::Version => version::run(session, out),
        Verb::Completions(arguments) => {
            let mut script = Vec::new();
            clap_complete::generate(
                arguments.shell,
                &mut Arguments::command(),
                "strata",
                &mut script,
            );
            Ok(out.write_all(&script)?)
        }
        Verb::Man(arguments) => man::run(&arguments, out),
    }
}

/// Opens an image of any place and looks at it. An image of the store answers at once; for others layers are read, which may take
/// its time and can be stopped.
fn look<T>(
    session: &Session,
    place: &Place,
    verb: impl AsyncFnOnce(OpenedImage) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let look = async |engine: &Engine| {
        let image = engine.open_image(place, &NoProgress).await?;
        verb(image).await
    };
    match place {
        Place::Store(_) => session.with_engine(look),
        _ => session.with_engine_at_length("Nothing was stored.", look),
    }
}

/// Reads a name that must be one, not an ID.
fn reference(text: &str) -> Result<Reference, Failure> {
    Ok(text.parse::<Reference>().map_err(engine::Error::from)?)
}

/// Says what becomes of a name that already names another image.
fn move_policy(no_move: bool) -> MovePolicy {
    match no_move {
        true => MovePolicy::Keep,
        false => MovePolicy::Move,
    }
}

/// Reads docker's `--filter KEY=VALUE` flags.
fn filter(pairs: &[String]) -> Result<Filter, Failure> {
    Ok(Filter::from_pairs(pairs).map_err(engine::Error::from)?)
}
