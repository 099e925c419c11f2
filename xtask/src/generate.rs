//! `generate`: the tables of the documents that the program itself knows best, and the schemas of its answers.
//!
//! The step asks the built program for each table and puts it between its marks; it words nothing itself, and
//! touches nothing outside the marks. With `--check` it only compares, so that a table cannot fall behind the
//! code.

use std::fs;

use crate::command::{capture, run};
use crate::failure::{During, Failure};
use crate::repo::Repo;
use crate::schemas;
use crate::step::{Outcome, StepResult};

/// The tables, by the word that both the marks and `task-bg __generated` use, each with the document that has it.
const TABLES: &[(&str, &str)] = &[
    ("exit-codes", "docs/json.md"),
    ("environment", "docs/settings.md"),
    ("options", "docs/options.md"),
    ("notify", "docs/notify.md"),
];

/// The folder of the schemas.
const SCHEMAS: &str = "docs/schemas";

/// Writes the tables and the schemas, or with `--check` compares them.
///
/// # Errors
///
/// When the program cannot be built or asked, a mark is missing, or a comparison finds a difference.
pub(crate) fn generate(repo: &Repo, words: &[String]) -> StepResult {
    let check = match words {
        [] => false,
        [word] if word == "--check" => true,
        _ => return Err(Failure::new("`generate` takes nothing but `--check`")),
    };
    run(repo.cargo().args(["build", "-p", "app-cli"]))?;
    for &(table, document) in TABLES {
        let path = repo.root.join(document);
        let before = fs::read_to_string(&path).during(format_args!("reading `{document}`"))?;
        let mut program = std::process::Command::new(repo.program("task-bg"));
        let content = capture(program.args(["__generated", table]))?;
        let after = replaced(&before, table, &content)
            .map_err(|failure| Failure::new(format!("{document}: {failure}")))?;
        if after == before {
            continue;
        }
        if check {
            return Err(Failure::new(format!(
                "{document}: the {table} table is not what the program says: run `cargo xtask generate`"
            )));
        }
        fs::write(&path, after).during(format_args!("writing `{document}`"))?;
        println!("{document}: written");
    }
    schemas(repo, check)?;
    Ok(Outcome::Done)
}

/// Writes the schemas of answers, or compares them.
fn schemas(repo: &Repo, check: bool) -> Result<(), Failure> {
    let folder = repo.root.join(SCHEMAS);
    fs::create_dir_all(&folder).during(format_args!("making `{SCHEMAS}`"))?;
    for (name, text) in schemas::all() {
        let path = folder.join(&name);
        if fs::read_to_string(&path).is_ok_and(|before| before == text) {
            continue;
        }
        if check {
            return Err(Failure::new(format!(
                "{SCHEMAS}/{name} is not what `xtask/src/schemas` says: run `cargo xtask generate`"
            )));
        }
        fs::write(&path, text).during(format_args!("writing `{SCHEMAS}/{name}`"))?;
        println!("{SCHEMAS}/{name}: written");
    }
    Ok(())
}

/// `document` with `content` between the marks of `table`.
fn replaced(document: &str, table: &str, content: &str) -> Result<String, Failure> {
    const END: &str = "<!-- end -->";
    let mark = format!("<!-- generated: {table} -->");
    let missing =
        |mark: &str| Failure::new(format!("no `{mark}`: put the {table} table between its marks"));
    let (head, rest) = document.split_once(&mark).ok_or_else(|| missing(&mark))?;
    let (old, tail) = rest.split_once(END).ok_or_else(|| missing(END))?;
    if old.contains("<!-- generated: ") {
        return Err(missing(END));
    }
    Ok(format!("{head}{mark}\n{}\n{END}{tail}", content.trim()))
}

#[cfg(test)]
mod tests {
    use super::replaced;

    const DOCUMENT: &str = "# T\n<!-- generated: a -->\nold\n<!-- end -->\nmid\n\
        <!-- generated: b -->\n<!-- end -->\nlast\n";

    #[test]
    fn only_what_is_between_the_marks_changes() {
        let once = replaced(DOCUMENT, "a", "| new |\n").unwrap();
        assert!(once.starts_with("# T\n<!-- generated: a -->\n| new |\n<!-- end -->\nmid\n"));
        assert!(once.ends_with("<!-- generated: b -->\n<!-- end -->\nlast\n"));
        assert_eq!(replaced(&once, "a", "| new |\n").unwrap(), once);
    }

    #[test]
    fn a_missing_mark_is_named() {
        let missing = replaced("nothing here", "a", "x").unwrap_err().to_string();
        assert!(missing.contains("no `<!-- generated: a -->`"), "{missing}");
        let unclosed = "<!-- generated: a -->\n<!-- generated: b -->\n<!-- end -->";
        let unclosed = replaced(unclosed, "a", "x").unwrap_err().to_string();
        assert!(unclosed.contains("no `<!-- end -->`"), "{unclosed}");
    }
}
