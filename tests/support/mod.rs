//! A private desktop for the real program: its own X server, session bus, home folder and notification service, and a
//! driver that steers the window. Nothing of the machine's own desktop is touched, and everything ends with the test.

pub mod desktop;
pub mod notifications;
pub mod program;
pub mod wait;
pub mod webdriver;
pub mod window;
