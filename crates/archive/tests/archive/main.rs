//! What archives are taken for, and which are refused.

mod hostile;
mod kinds;
mod lab;
mod writing;
