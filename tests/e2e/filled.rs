//! A store with images in it, for stories that begin later than with a pull, and what is in it at the end.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use engine::{
    ArchiveSource, Compression, Engine, LoadRequest, MovePolicy, NoProgress, PullRequest,
    Reference, SaveRequest, SaveStyle, SaveTarget, Selector, Settings,
};

/// Pulls into a store, without a window.
pub(crate) fn fill(store: &Path, references: &[&str]) {
    with_store(store, async |engine| {
        for reference in references {
            let request = PullRequest {
                reference: reference.parse::<Reference>().expect("a reference"),
                platform: None,
                move_policy: MovePolicy::Move,
            };
            engine.pull(&request, &NoProgress).await.expect(reference);
        }
    });
}

/// Loads archives into a store, without a window.
pub(crate) fn load(store: &Path, files: &[&Path]) {
    with_store(store, async |engine| {
        for file in files {
            let request = LoadRequest {
                source: ArchiveSource::Path(file.to_path_buf()),
                chosen: None,
                platform: None,
                move_policy: MovePolicy::Move,
            };
            engine.load(request, &NoProgress).await.expect("an archive");
        }
    });
}

/// Saves an image of a store with all these names, as `docker save` does.
pub(crate) fn save(store: &Path, names: &[&str], file: &Path) {
    with_store(store, async |engine| {
        let request = SaveRequest {
            images: names.iter().map(|name| Selector::from(*name)).collect(),
            style: SaveStyle::Docker,
            compression: Compression::None,
            platforms: Vec::new(),
            target: SaveTarget::File(file.to_owned()),
        };
        engine.save(request, &NoProgress).await.expect("a file");
    });
}

/// Works on a store, without a window.
pub(crate) fn with_store(store: &Path, work: impl AsyncFnOnce(Engine)) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let root = OsString::from(store);
        let lookup = |name: &str| (name == "STRATA_STORE").then(|| root.clone());
        let settings = Settings::from_environment(&lookup, Arc::new(jiff::Timestamp::now));
        let engine = Engine::open(settings.expect("a store is named"))
            .await
            .expect("the store");
        Box::pin(work(engine)).await;
    });
}
