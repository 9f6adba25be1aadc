//! `strata man`.

use std::{fs, io::Write};

use clap::CommandFactory as _;

use crate::{
    arguments::{Arguments, Man},
    failure::Failure,
};

pub(super) fn run(arguments: &Man, out: &mut dyn Write) -> Result<(), Failure> {
    match &arguments.folder {
        None => clap_mangen::Man::new(Arguments::command()).render(out)?,
        Some(folder) => {
            fs::create_dir_all(folder)?;
            clap_mangen::generate_to(Arguments::command(), folder)?;
        }
    }
    Ok(())
}
