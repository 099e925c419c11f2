//! Values that stand behind their option as words of their own, where a comma or an equals sign belongs.
//!
//! Clap takes such a word for the next one it expects, so that a task would be labelled with an id, or an agent be
//! told "45s". Main function: [`value`].

use clap::ValueEnum as _;
use domain::task::TaskId;

use crate::cli::args::{Batch, Launch, ReasonArg, Resume, Retry, Run, Verb, What};
use crate::kit::duration::parse_duration;
use crate::kit::failure::{Failure, Kind};

/// Whether a command line that clap understood may hold such a word. The words themselves are looked at only then: one
/// of them may be a long prompt.
pub(crate) fn is_possible(what: &What) -> bool {
    let What::Verb(verb) = what else { return false };
    if let Verb::Launch(Launch { terms, .. }) | Verb::Run(Run { terms, .. }) = &**verb {
        let named = [!terms.waits.after().is_empty(), !terms.again.retry_on.is_empty()];
        return terms.wait.is_some() || named.contains(&true);
    }
    matches!(
        &**verb,
        Verb::Batch(Batch { wait: Some(_), .. })
            | Verb::Retry(Retry { wait: Some(_), .. })
            | Verb::Resume(Resume { wait: Some(_), .. })
    )
}

/// The failure of a command line with such a word, if there is one.
pub(crate) fn value(words: &[String]) -> Option<Failure> {
    let end = words.iter().position(|word| word == "--").unwrap_or(words.len());
    let words = &words[..end];
    (0..words.len()).find_map(|at| behind(&words[at..]))
}

/// The same for the first of these words, if it is an option.
fn behind(words: &[String]) -> Option<Failure> {
    let (option, rest) = words.split_first()?;
    if option == "--wait" {
        let time = rest.first().filter(|word| parse_duration(word).is_ok())?;
        return Some(said(time, option, &format!("--wait={time}")));
    }
    let (option, first, rest) = match option.split_once('=') {
        Some((option, first)) => (option, first, rest),
        None => (option.as_str(), rest.first()?.as_str(), rest.get(1..)?),
    };
    let is_another = match option {
        "--after" | "--after-any" => {
            |word: &String| word.starts_with("bg_") && TaskId::parse(word).is_ok()
        }
        "--retry-on" => |word: &String| ReasonArg::from_str(word, false).is_ok(),
        _ => return None,
    };
    let others: Vec<&str> =
        rest.iter().take_while(|word| is_another(word)).map(String::as_str).collect();
    let second = others.first()?;
    Some(said(
        second,
        &format!("{option} {first}"),
        &format!("{option} {first},{}", others.join(",")),
    ))
}

fn said(word: &str, option: &str, meant: &str) -> Failure {
    let message = format!("`{word}` stands behind `{option}` as a word of its own");
    Failure::new(Kind::Usage, message).hint(format!("write `{meant}`"))
}
