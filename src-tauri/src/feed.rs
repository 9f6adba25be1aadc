//! Bytes on their way to the window: what a program writes, as few messages, never faster than the page draws them.

use std::collections::VecDeque;
use std::time::Duration;

use tauri::ipc::{Channel, InvokeResponseBody, IpcResponse};
use tokio::sync::watch;

/// How long bytes are gathered for one message: a frame of the page.
const PERIOD: Duration = Duration::from_millis(16);

/// Bytes of one message.
const PIECE: usize = 64 * 1024;

/// Bytes that may be under way to the page before it has drawn them.
const UNDER_WAY: u64 = 256 * 1024;

/// Bytes that are read ahead of the page. What writes them waits then.
const AHEAD: u64 = 256 * 1024;

/// Bytes that are kept for a page that looks later.
const KEPT: usize = 1024 * 1024;

/// Bytes as they are, an `ArrayBuffer` in the page.
pub(crate) struct RawBytes(Vec<u8>);

impl IpcResponse for RawBytes {
    fn body(self) -> tauri::Result<InvokeResponseBody> {
        Ok(InvokeResponseBody::Raw(self.0))
    }
}

impl specta::Type for RawBytes {
    fn definition(_: &mut specta::Types) -> specta::datatype::DataType {
        specta_typescript::define("ArrayBuffer").into()
    }
}

/// What somebody writes, the last of it, and how far the page that looks has got. `E` is how it ends.
pub(crate) struct Feed<E> {
    state: watch::Sender<State<E>>,
}

struct State<E> {
    kept: VecDeque<u8>,
    /// Bytes that were ever written; the kept ones are the last of them.
    written: u64,
    view: Option<View>,
    ended: Option<E>,
}

/// A page that looks.
struct View {
    name: String,
    /// How many of the written bytes were sent to it, and how many of those it has drawn.
    sent: u64,
    drawn: u64,
    /// Where it began.
    start: u64,
}

impl<E> State<E> {
    fn start(&self) -> u64 {
        self.written.saturating_sub(self.kept.len() as u64)
    }

    fn viewed_by(&self, name: &str) -> Option<&View> {
        self.view.as_ref().filter(|view| view.name == name)
    }
}

/// What is to be done for a page next.
enum Next<E> {
    Send(Vec<u8>),
    End(E),
    /// Another page looks, or none.
    Gone,
}

impl<E: Clone + Send + Sync> Feed<E> {
    pub(crate) fn new() -> Self {
        Self {
            state: watch::Sender::new(State {
                kept: VecDeque::new(),
                written: 0,
                view: None,
                ended: None,
            }),
        }
    }

    /// Takes what was written, and returns when there is room for more. Without a page there always is.
    pub(crate) async fn take(&self, bytes: &[u8]) {
        self.state.send_modify(|state| {
            state.kept.extend(bytes);
            state.written += bytes.len() as u64;
            let over = state.kept.len().saturating_sub(KEPT);
            state.kept.drain(..over);
        });
        let is_room = |state: &State<E>| {
            let view = state.view.as_ref();
            view.is_none_or(|view| state.written - view.sent <= AHEAD)
        };
        // The sender is here, so the wait ends well.
        drop(self.state.subscribe().wait_for(is_room).await);
    }

    /// Says how it ended. Nothing is written afterwards.
    pub(crate) fn end(&self, end: E) {
        self.state.send_modify(|state| state.ended = Some(end));
    }

    /// Tells how it ended, if it has.
    pub(crate) fn ended(&self) -> Option<E> {
        self.state.borrow().ended.clone()
    }

    /// Sends what is kept, and then what comes, until the end, which is returned; `None` where another page took its place or it was
    /// closed. The page says by [`Feed::drawn`] how far it is.
    pub(crate) async fn show(&self, name: &str, channel: &Channel<RawBytes>) -> Option<E> {
        self.state.send_modify(|state| {
            let start = state.start();
            state.view = Some(View {
                name: name.to_owned(),
                sent: start,
                drawn: start,
                start,
            });
        });
        loop {
            match self.next(name).await {
                Next::Send(bytes) => {
                    if let Err(error) = channel.send(RawBytes(bytes)) {
                        tracing::debug!(%error, "the window does not see what is written any more");
                        self.close(name);
                    }
                }
                Next::End(end) => return Some(end),
                Next::Gone => return None,
            }
            tokio::time::sleep(PERIOD).await;
        }
    }

    async fn next(&self, name: &str) -> Next<E> {
        let mut changes = self.state.subscribe();
        let is_something = |state: &State<E>| match state.viewed_by(name) {
            None => true,
            Some(view) if view.sent == state.written => state.ended.is_some(),
            Some(view) => view.sent - view.drawn < UNDER_WAY,
        };
        drop(changes.wait_for(is_something).await);
        let mut next = Next::Gone;
        self.state.send_modify(|state| {
            let (start, written) = (state.start(), state.written);
            let Some(view) = state.view.as_mut().filter(|view| view.name == name) else {
                return;
            };
            if view.sent == written {
                if let Some(end) = &state.ended {
                    next = Next::End(end.clone());
                    state.view = None;
                }
                return;
            }
            let skipped = usize::try_from(view.sent.saturating_sub(start)).unwrap_or(usize::MAX);
            let bytes: Vec<u8> = state
                .kept
                .iter()
                .skip(skipped)
                .take(PIECE)
                .copied()
                .collect();
            view.sent = start.max(view.sent) + bytes.len() as u64;
            next = Next::Send(bytes);
        });
        next
    }

    /// Notes that a page has drawn so many bytes since it began to look.
    pub(crate) fn drawn(&self, name: &str, bytes: u64) {
        self.state.send_if_modified(|state| {
            let view = state.view.as_mut().filter(|view| view.name == name);
            let Some(view) = view else { return false };
            view.drawn = view.drawn.max((view.start + bytes).min(view.sent));
            true
        });
    }

    /// Notes that a page does not look any more.
    pub(crate) fn close(&self, name: &str) {
        self.state.send_if_modified(|state| {
            let is_it = state.viewed_by(name).is_some();
            if is_it {
                state.view = None;
            }
            is_it
        });
    }

    /// Notes that no page looks.
    pub(crate) fn close_all(&self) {
        self.state.send_modify(|state| state.view = None);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tokio::time::timeout;

    use super::*;

    /// What came over a channel, message by message.
    type Messages = Arc<Mutex<Vec<Vec<u8>>>>;

    /// A page that notes what it gets.
    fn page() -> (Channel<RawBytes>, Messages) {
        let got = Messages::default();
        let heard = got.clone();
        let channel = Channel::new(move |body| {
            if let InvokeResponseBody::Raw(bytes) = body {
                heard.lock().expect("no panic").push(bytes);
            }
            Ok(())
        });
        (channel, got)
    }

    fn text(got: &Mutex<Vec<Vec<u8>>>) -> String {
        String::from_utf8(got.lock().expect("no panic").concat()).expect("as it was written")
    }

    #[tokio::test]
    async fn many_small_writes_are_few_messages() {
        let feed = Feed::<u8>::new();
        let (channel, got) = page();
        let write = async {
            for _ in 0..1000 {
                feed.take(b"0123456789").await;
                tokio::task::yield_now().await;
            }
            feed.end(7);
        };
        let (end, ()) = tokio::join!(feed.show("a", &channel), write);
        assert_eq!(end, Some(7));
        assert_eq!(text(&got), "0123456789".repeat(1000));
        let count = got.lock().expect("no panic").len();
        assert!(count < 100, "{count} messages");
    }

    #[tokio::test]
    async fn a_page_that_draws_slowly_makes_the_writer_wait_and_loses_nothing() {
        let feed = Arc::new(Feed::<u8>::new());
        let (channel, got) = page();
        let showing = tokio::spawn({
            let feed = feed.clone();
            async move { feed.show("a", &channel).await }
        });
        tokio::task::yield_now().await;
        let mut writing = tokio::spawn({
            let feed = feed.clone();
            async move {
                for _ in 0..50 {
                    feed.take(&[b'x'; 40_000]).await;
                }
                feed.end(0);
            }
        });
        let sent = || got.lock().expect("no panic").concat().len() as u64;
        while sent() < UNDER_WAY {
            tokio::time::sleep(PERIOD).await;
        }
        let waits = timeout(PERIOD * 5, &mut writing).await.is_err();
        assert!(waits, "the writer waits");
        assert!(sent() < UNDER_WAY + PIECE as u64, "{} were sent", sent());
        while !showing.is_finished() {
            feed.drawn("a", sent());
            tokio::time::sleep(PERIOD).await;
        }
        assert_eq!(showing.await.expect("no panic"), Some(0));
        assert_eq!(sent(), 2_000_000);
    }

    #[tokio::test]
    async fn who_looks_later_sees_the_last_of_it() {
        let feed = Feed::<u8>::new();
        feed.take(&vec![b'a'; KEPT]).await;
        feed.take(b"the end").await;
        feed.end(3);
        let (channel, got) = page();
        let draw = async {
            loop {
                let sent = got.lock().expect("no panic").concat().len() as u64;
                feed.drawn("late", sent);
                tokio::time::sleep(PERIOD).await;
            }
        };
        let end = tokio::select! {
            end = feed.show("late", &channel) => end,
            () = draw => None,
        };
        assert_eq!(end, Some(3));
        assert_eq!(text(&got).len(), KEPT);
        assert!(text(&got).ends_with("athe end"));
    }

    #[tokio::test]
    async fn a_page_that_is_gone_holds_nobody_up() {
        let feed = Arc::new(Feed::<u8>::new());
        let (channel, _got) = page();
        let mut first = tokio::spawn({
            let feed = feed.clone();
            async move { feed.show("first", &channel).await }
        });
        tokio::task::yield_now().await;
        let mut writing = tokio::spawn({
            let feed = feed.clone();
            async move { feed.take(&vec![b'x'; 1_000_000]).await }
        });
        assert!(timeout(PERIOD * 10, &mut writing).await.is_err());
        feed.close("another");
        let stays = timeout(PERIOD * 3, &mut first).await.is_err();
        assert!(stays, "nobody else closes it");
        feed.close_all();
        writing.await.expect("it goes on");
        assert_eq!(first.await.expect("no panic"), None);
    }
}
