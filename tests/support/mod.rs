//! A private desktop for the real program: its own X server, session bus, home folder and notification service, and a
//! driver that steers the window. Nothing of the machine's own desktop is touched, and everything ends with the test.

pub(crate) mod desktop;
pub(crate) mod notifications;
pub(crate) mod program;
pub(crate) mod screen;
pub(crate) mod wait;
pub(crate) mod webdriver;
pub(crate) mod window;
