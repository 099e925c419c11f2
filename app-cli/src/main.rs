//! The `task-bg` program.

fn main() -> std::process::ExitCode {
    app_cli::main()
}
