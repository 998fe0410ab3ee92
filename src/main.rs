//! The `mailcfg` command: parse, run, print a fatal error, exit.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::run(std::env::args_os()) {
        Ok(code) => ExitCode::from(code),
        Err(complaint) => {
            complaint.print();
            ExitCode::from(complaint.exit_code())
        }
    }
}
