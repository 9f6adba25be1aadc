//! The containers of an engine: list, look, commit, run.

use std::pin::Pin;

use docker::{Change, Commit, Container, Exec, Happened, NewContainer, Output, Session, Usage};
use futures_util::{Stream, StreamExt};
use oci::Digest;

use super::EnginePlace;
use crate::Error;

/// A stream of an engine's, with our errors.
pub type Told<T> = Pin<Box<dyn Stream<Item = Result<T, Error>> + Send>>;

impl EnginePlace {
    /// Lists the containers, running or not.
    ///
    /// # Errors
    /// Where the engine does not answer.
    pub async fn containers(&self) -> Result<Vec<Container>, Error> {
        Ok(self.connection.containers().await?)
    }

    /// Tells what a container changed, in the engine's order.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn container_changes(&self, container: &str) -> Result<Vec<(String, Change)>, Error> {
        Ok(self.connection.container_changes(container).await?)
    }

    /// Makes an image of a container and returns its ID. `docker history` shows the message, and the config the author.
    ///
    /// # Errors
    /// `not_found`, `conflict`, `engine_failed` for an instruction that the engine does not take.
    pub async fn commit(&self, container: &str, commit: &Commit) -> Result<Digest, Error> {
        Ok(self.connection.commit_container(container, commit).await?)
    }

    /// Makes a container and returns its ID.
    ///
    /// # Errors
    /// `not_found` where the engine has not the image, `conflict` where the name is taken.
    pub async fn create_container(&self, new: &NewContainer) -> Result<String, Error> {
        Ok(self.connection.create_container(new).await?)
    }

    /// Listens to a container and speaks to it; before it is started nothing is missed. `terminal` is what it was made with.
    ///
    /// # Errors
    /// `not_found`, `conflict`.
    pub async fn attach(&self, container: &str, terminal: bool) -> Result<Session, Error> {
        Ok(self.connection.attach(container, terminal).await?)
    }

    /// Starts a container.
    ///
    /// # Errors
    /// `not_found`, `engine_failed` with the runtime's words.
    pub async fn start_container(&self, container: &str) -> Result<(), Error> {
        Ok(self.connection.start_container(container).await?)
    }

    /// Waits until a container ends and returns its exit code.
    ///
    /// # Errors
    /// `not_found`, `unreachable` where the engine goes away.
    pub async fn wait_container(&self, container: &str) -> Result<i64, Error> {
        Ok(self.connection.wait_container(container).await?)
    }

    /// Tells a container's terminal how large it is.
    ///
    /// # Errors
    /// `not_found`, `conflict` where it does not run.
    pub async fn resize_container(
        &self,
        container: &str,
        columns: u16,
        rows: u16,
    ) -> Result<(), Error> {
        let resized = self.connection.resize_container(container, columns, rows);
        Ok(resized.await?)
    }

    /// Runs a program in a container that runs; the text is for [`EnginePlace::exec_code`] and [`EnginePlace::resize_exec`].
    ///
    /// # Errors
    /// `not_found`, `conflict` where the container does not run.
    pub async fn exec(&self, container: &str, exec: &Exec) -> Result<(String, Session), Error> {
        Ok(self.connection.exec(container, exec).await?)
    }

    /// Returns the exit code of a program that has ended; `None` while it runs.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn exec_code(&self, exec: &str) -> Result<Option<i64>, Error> {
        Ok(self.connection.exec_code(exec).await?)
    }

    /// Tells the terminal of a program how large it is.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn resize_exec(&self, exec: &str, columns: u16, rows: u16) -> Result<(), Error> {
        Ok(self.connection.resize_exec(exec, columns, rows).await?)
    }

    /// Stops a container: asks it, waits so many seconds, ends it.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn stop_container(&self, container: &str, seconds: i32) -> Result<(), Error> {
        Ok(self.connection.stop_container(container, seconds).await?)
    }

    /// Removes a container; by force also a running one.
    ///
    /// # Errors
    /// `not_found`, `conflict`.
    pub async fn remove_container(&self, container: &str, force: bool) -> Result<(), Error> {
        Ok(self.connection.remove_container(container, force).await?)
    }

    /// Tells what a container has said, and with `follow` also what it says from now on. `terminal` is what it was made with.
    ///
    /// # Errors
    /// `not_found`, `engine_failed` where its logs go elsewhere.
    pub async fn logs(
        &self,
        container: &str,
        terminal: bool,
        follow: bool,
    ) -> Result<Told<Output>, Error> {
        let output = self.connection.logs(container, terminal, follow).await?;
        Ok(Box::pin(output.map(|piece| Ok(piece?))))
    }

    /// Tells what happens to the engine's images and containers from now on: what a list is refreshed by.
    ///
    /// # Errors
    /// Where the engine does not answer; in the stream where it goes away.
    pub async fn events(&self) -> Result<Told<Happened>, Error> {
        let events = self.connection.events().await?;
        Ok(Box::pin(events.map(|event| Ok(event?))))
    }

    /// Tells what the engine takes on disk. It may have to count for a while.
    ///
    /// # Errors
    /// Where the engine does not answer.
    pub async fn df(&self) -> Result<Usage, Error> {
        Ok(self.connection.usage().await?)
    }
}
