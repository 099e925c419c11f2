//! The `task-bg-hook` program, which droid runs on its events: all of it is in the library beside it.

fn main() -> std::process::ExitCode {
    app_hook::run().into()
}
