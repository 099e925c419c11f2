//! The `task-bg-hook` program, which droid runs on its events: all of it is in the library beside it.

/// Where the C library is musl, its allocator gives every page back at once, and a short process spends a
/// third of its time on that.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> std::process::ExitCode {
    app_hook::main()
}
