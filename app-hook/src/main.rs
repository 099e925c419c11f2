//! The `task-bg-hook` program, which droid runs on its events.

fn main() -> std::process::ExitCode {
    app_hook::run().into()
}
