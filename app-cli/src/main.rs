//! The `task-bg` program: everything is in the library beside it.

fn main() -> std::process::ExitCode {
    app_cli::main()
}
