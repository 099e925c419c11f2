//! `scripted-model`: the model server of the end-to-end runs, as a program of its own.
//!
//! The program listens, says where, and answers until it is killed; `tests::scripted_model` decides what it answers. It
//! never listens anywhere but where it is told to, and never outlives its starter when that keeps a pipe to it open.
//!
//! ```text
//! scripted-model --listen 127.0.0.1:PORT [--ready FILE] [--log FILE] [--settings FILE] [--until-eof]
//! ```
#![expect(clippy::print_stderr, reason = "a program reports its own failure")]

use std::error::Error;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs, io, thread};

use tests::scripted_model::server::Server;
use tests::scripted_model::wire::droid_settings;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("scripted-model: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The command line. Port 0 asks for any free port.
#[derive(Default)]
struct Arguments {
    listen: Option<SocketAddr>,
    /// Gets the port, once connections are taken.
    ready: Option<PathBuf>,
    /// Gets each request's body as one line.
    log: Option<PathBuf>,
    /// Gets the settings with which `droid` finds this server.
    settings: Option<PathBuf>,
    /// Whether the end of standard input is the end of the program.
    until_eof: bool,
}

impl Arguments {
    fn read(mut words: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let mut arguments = Self::default();
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("`{word}` needs a value"));
            match word.as_str() {
                "--listen" => arguments.listen = Some(value()?.parse()?),
                "--ready" => arguments.ready = Some(value()?.into()),
                "--log" => arguments.log = Some(value()?.into()),
                "--settings" => arguments.settings = Some(value()?.into()),
                "--until-eof" => arguments.until_eof = true,
                _ => return Err(format!("unknown argument `{word}`").into()),
            }
        }
        Ok(arguments)
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::read(env::args().skip(1))?;
    let address = arguments.listen.ok_or("`--listen 127.0.0.1:PORT` is missing")?;
    let server = Server::bind(address, arguments.log.as_deref())?;
    let address = server.address()?;
    if let Some(settings) = &arguments.settings {
        fs::write(settings, droid_settings(address))?;
    }
    if let Some(ready) = &arguments.ready {
        announce(ready, address.port())?;
    }
    if !arguments.until_eof {
        server.serve();
        return Ok(());
    }
    thread::spawn(move || server.serve());
    io::copy(&mut io::stdin().lock(), &mut io::sink())?;
    Ok(())
}

/// Writes the port so that whoever sees the file sees the whole of it.
fn announce(ready: &Path, port: u16) -> io::Result<()> {
    let unfinished = ready.with_extension("unfinished");
    fs::write(&unfinished, port.to_string())?;
    fs::rename(unfinished, ready)
}
