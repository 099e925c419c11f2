//! `task-bg mcp` as its clients meet it: the wire, the tools, and what ends the server.

mod batches;
mod bounds;
mod collecting;
mod elsewhere;
mod ending;
mod open_waits;
mod reading;
mod registering;
mod stores;
mod telling;
mod tools;
mod wire;

use tests::mcp_client::Client;
use tests::sandbox::Sandbox;

/// A server of the sandbox, with a client.
fn served(sandbox: &Sandbox) -> Client {
    Client::start(sandbox.task_bg(["mcp"]))
}
