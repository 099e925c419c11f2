//! `report --html`: one page in one file, that nothing an agent wrote can take over.

use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};

use serde_json::{Value, json};
use tests::sandbox::Sandbox;

use crate::sandbox;

/// What the script of a page draws.
fn data(page: &str) -> Value {
    let (_, rest) = page.split_once("id=\"data\">").expect("the data");
    let (data, _) = rest.split_once("</script>").expect("its end");
    serde_json::from_str(data).expect("the data are JSON")
}

/// The task of a page with this label.
fn of<'a>(data: &'a Value, label: &str) -> &'a Value {
    let tasks = data["tasks"].as_array().expect("tasks");
    tasks.iter().find(|task| task["label"] == label).unwrap_or_else(|| panic!("{label}: {data:#}"))
}

fn page(sandbox: &Sandbox) -> String {
    sandbox.task_bg(["report", "--html", "-"]).ok().stdout
}

#[test]
fn a_page_shows_attempts_dependencies_times_and_results_of_all_tasks() {
    let sandbox = sandbox();
    let first = sandbox.run_script(&["--name", "first"], "echo found");
    sandbox.ended(&first);
    let words =
        ["run", "second", "--after", &first, "--retries", "1", "--backoff", "1ms", "--wait"];
    let script = ["--", "sh", "-c", "exit 3"];
    drop(sandbox.task_bg(words.into_iter().chain(script)).code(5));
    let page = page(&sandbox);
    let data = data(&page);
    let tasks = data["tasks"].as_array().expect("tasks");
    assert_eq!(tasks.len(), 3, "{data:#}");
    let found = tasks.iter().find(|task| task["id"] == *first).expect("the first");
    assert_eq!((&found["gist"], &found["name"]), (&json!("found"), &json!("first")), "{found:#}");
    for key in ["queued", "started", "ended"] {
        assert!(found[key].as_f64().is_some_and(|at| at > 1.6e12), "{found:#}");
    }
    let again = tasks.iter().find(|task| task["attempt"] == 2).expect("an attempt");
    let before = tasks.iter().find(|task| task["id"] == again["retryOf"]).expect("the one before");
    assert_eq!(before["after"], json!([first]), "{before:#}");
    assert_eq!(
        (&again["status"], &again["reason"]),
        (&json!("error"), &json!("exit")),
        "{again:#}"
    );
    // Of a task that is named all attempts are there as well.
    let id = again["id"].as_str().expect("an id");
    let named = sandbox.task_bg(["report", "--html", "-", id]).ok().stdout;
    assert_eq!(self::data(&named)["tasks"].as_array().map(Vec::len), Some(2), "{named}");
}

#[test]
fn whatever_an_agent_wrote_stays_a_text_of_the_page() {
    let sandbox = sandbox();
    let hostile = [
        "</script><script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<!-- <script> ]]> &lt; &amp;",
        "{{script}}{{nonce}}",
        "a\u{2028}b\u{2029}c",
        "\\u003c/script> \\\" ' `${x}`",
    ];
    for text in hostile {
        let words = ["run", text, "--wait", "--name", "x", "--", "printf", "%s", text];
        drop(sandbox.task_bg(words).ok());
    }
    let id = sandbox.run_script(&[], "true");
    sandbox.ended(&id);
    // As another program may have written it.
    let file = sandbox.store().join(format!("{id}.json"));
    let text = fs::read_to_string(&file).expect("a record");
    let mut record: Value = serde_json::from_str(&text).expect("a record");
    record["result"] = json!("\u{1b}[2J\u{1b}]0;title\u{7}\u{9b}31m LONE end\u{202e}");
    record["agent"] = json!("<b>agent</b>");
    record["progress"]["model"] = json!("</script><i>");
    let text = record.to_string().replace("LONE", "\\ud800 lone");
    fs::write(&file, text).expect("written");
    let page = page(&sandbox);
    assert_eq!(page.matches("<script").count(), 2, "{page}");
    assert_eq!(page.matches("</script").count(), 2, "{page}");
    assert!(!page.contains("<img") && !page.contains("<i>") && !page.contains("<b>"), "{page}");
    assert!(!page.contains(['\u{1b}', '\u{7}', '\u{9b}', '\u{202e}', '\u{2028}', '\u{2029}']));
    let data = data(&page);
    for text in hostile {
        let label: Vec<&str> = text.split_whitespace().collect();
        let task = of(&data, &label.join(" "));
        let result = task["result"].as_str().unwrap_or_default();
        assert!(result == text || text.contains('\u{2028}'), "{text}: {task:#}");
    }
    let foreign = data["tasks"].as_array().into_iter().flatten().find(|task| task["id"] == *id);
    let foreign = foreign.expect("the foreign record");
    assert_eq!(foreign["agent"], "<b>agent</b>", "{foreign:#}");
    let result = foreign["result"].as_str().unwrap_or_default();
    assert!(result.contains("lone") && result.contains("end"), "{foreign:#}");
}

#[test]
fn the_policy_of_a_page_lets_nothing_be_loaded_and_no_other_script_run() {
    let sandbox = sandbox();
    let pages = [page(&sandbox), page(&sandbox)];
    let nonce = |page: &String| {
        let (_, rest) = page.split_once("script-src 'nonce-").expect("a policy");
        rest[..32].to_owned()
    };
    assert_ne!(nonce(&pages[0]), nonce(&pages[1]), "nobody can know it beforehand");
    for part in ["default-src 'none'", "base-uri 'none'", "form-action 'none'"] {
        assert!(pages[0].contains(part), "{part}");
    }
    let loads = ["src=", "href=", "url(", "@import", "innerHTML", "outerHTML", "eval(", "fetch("];
    assert!(loads.iter().all(|word| !pages[0].contains(word)));
}

#[test]
fn a_file_of_that_name_is_replaced_whole_and_keeps_its_mode_and_its_links() {
    let sandbox = sandbox();
    let file = sandbox.work().join("page.html");
    let words = ["report", "--html", "page.html"];
    let answer = sandbox.task_bg(words).ok().json();
    let written = fs::read(&file).expect("a page");
    assert_eq!(answer["html"], json!(file), "{answer:#}");
    assert_eq!((&answer["tasks"], &answer["bytes"]), (&json!(0), &json!(written.len())));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).expect("a mode");
    let open = fs::File::open(&file).expect("it is there");
    std::os::unix::fs::symlink("page.html", sandbox.work().join("link.html")).expect("a link");
    let said = sandbox.task_bg(["report", "--html", "link.html", "--format", "table"]).ok().stdout;
    assert!(said.starts_with("0 tasks in "), "{said}");
    assert!(sandbox.work().join("link.html").is_symlink());
    let (old, new) = (open.metadata().expect("old"), fs::metadata(&file).expect("new"));
    assert_ne!(old.ino(), new.ino(), "who reads the old one reads it to its end");
    assert_eq!(new.mode() & 0o777, 0o640);
    let parts = fs::read_dir(file.parent().expect("a folder")).expect("listed").flatten();
    let left = parts.filter(|entry| entry.file_name().to_string_lossy().ends_with(".tmp"));
    assert_eq!(left.count(), 0, "nothing is left beside it");
}

#[test]
fn a_file_that_cannot_be_written_is_refused_with_why_and_what_was_there_stays() {
    let sandbox = sandbox();
    fs::create_dir(sandbox.work().join("folder")).expect("a folder");
    for (file, why) in [("folder", "is a folder"), ("none/page.html", "No such file"), ("", "")] {
        let ran = sandbox.task_bg(["report", "--html", file]).code(2);
        let answer = ran.json();
        let error = answer["error"].as_str().unwrap_or_default();
        assert!(error.contains(why), "{ran}");
        assert!(answer["hint"].is_string() || answer["hints"].is_array(), "{ran}");
    }
    // A device or a pipe is written to, and stays what it is.
    drop(sandbox.task_bg(["report", "--html", "/dev/null"]).ok());
    assert!(fs::metadata("/dev/null").expect("it is there").file_type().is_char_device());
    let full = sandbox.task_bg(["report", "--html", "/dev/full"]).code(1);
    assert!(full.stdout.contains("No space left"), "{full}");
}

#[test]
fn a_thousand_tasks_make_one_page() {
    let sandbox = sandbox();
    let id = sandbox.run_script(&[], "echo found");
    let mut record = sandbox.ended(&id);
    for number in 1..1000 {
        let id = format!("bg_18bcfe5{number:08x}");
        record["id"] = json!(id);
        let file = sandbox.store().join(format!("{id}.json"));
        fs::write(file, record.to_string()).expect("written");
    }
    let page = page(&sandbox);
    assert_eq!(data(&page)["tasks"].as_array().map(Vec::len), Some(1000));
    assert!(page.len() < 1 << 20, "{} bytes", page.len());
    assert!(page.contains(&id));
}
