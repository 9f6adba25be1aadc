//! A notification service on the private bus: it keeps what it is told, and can be clicked.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, Sender, channel};

use zbus::blocking::{Connection, connection};
use zbus::zvariant::OwnedValue;

use super::wait::DEADLINE;

const PATH: &str = "/org/freedesktop/Notifications";
const NAME: &str = "org.freedesktop.Notifications";

/// What a program asked to be shown.
#[derive(Debug)]
pub(crate) struct Notification {
    pub(crate) id: u32,
    pub(crate) title: String,
    pub(crate) body: String,
    pub(crate) actions: Vec<String>,
}

/// The service; ends when dropped.
pub(crate) struct Notifications {
    connection: Connection,
    received: Receiver<Notification>,
}

struct Service {
    last: u32,
    received: Sender<Notification>,
}

/// <https://specifications.freedesktop.org/notification/latest/protocol.html>
#[zbus::interface(name = "org.freedesktop.Notifications")]
impl Service {
    fn get_capabilities(&self) -> Vec<&str> {
        vec!["actions", "body", "body-markup"]
    }

    #[expect(clippy::too_many_arguments, reason = "the protocol has them")]
    fn notify(
        &mut self,
        _program: String,
        _replaces: u32,
        _icon: String,
        title: String,
        body: String,
        actions: Vec<String>,
        _hints: HashMap<String, OwnedValue>,
        _timeout: i32,
    ) -> u32 {
        self.last += 1;
        let notification = Notification {
            id: self.last,
            title,
            body,
            actions,
        };
        // Nobody listens any more when the test is over.
        drop(self.received.send(notification));
        self.last
    }

    fn close_notification(&self, _id: u32) {}

    fn get_server_information(&self) -> (&str, &str, &str, &str) {
        ("test", "strata", "1", "1.2")
    }
}

impl Notifications {
    /// Serves notifications on a bus.
    pub(crate) fn serve(bus_address: &str) -> Notifications {
        let (sender, received) = channel();
        let service = Service {
            last: 0,
            received: sender,
        };
        let connection = connection::Builder::address(bus_address)
            .and_then(|builder| builder.name(NAME))
            .and_then(|builder| builder.serve_at(PATH, service))
            .and_then(connection::Builder::build);
        Notifications {
            connection: connection.expect("the private bus takes the service"),
            received,
        }
    }

    /// Waits for the next notification.
    pub(crate) fn next(&self) -> Notification {
        self.received
            .recv_timeout(DEADLINE)
            .expect("no notification came")
    }

    /// What has come and was not waited for.
    pub(crate) fn pending(&self) -> Vec<Notification> {
        self.received.try_iter().collect()
    }

    /// Clicks on a notification.
    pub(crate) fn click(&self, notification: &Notification) {
        let click = (notification.id, "default");
        let told = self
            .connection
            .emit_signal(None::<&str>, PATH, NAME, "ActionInvoked", &click);
        told.expect("the private bus takes the signal");
    }
}
