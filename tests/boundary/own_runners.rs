//! Agents of somebody's own, as the settings describe them, and other programs for those that are known.

use serde_json::{Value, json};
use tests::sandbox::{OTHER_AGENTS, Sandbox, executable, task_id};

use crate::runners::{agents, error_of, launch};
use crate::sandbox;

fn settings(sandbox: &Sandbox, text: &str) {
    let folder = sandbox.home().join(".factory/.omd");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("task-bg.toml"), text).expect("the settings");
}

#[test]
fn an_agent_of_ones_own_is_started_as_the_settings_say_and_judged_by_its_exit() {
    let sandbox = sandbox();
    let program = sandbox.path("bin/helper");
    executable(&program, "#!/bin/sh\necho \"words: $*\"; cat \"$2\"; exit \"$3\"\n");
    let of = |code: u8| {
        format!(
            "[runners.mine]\ncommand = [\"helper\", \"-f\", \"{{prompt}}\", \"{code}\"]\nprompt = \"file\"\n"
        )
    };
    settings(&sandbox, &of(0));
    let id = launch(&sandbox, "mine", &[], "the prompt");
    let record = sandbox.ended(&id);
    assert_eq!(record["status"], "completed", "{record:#}");
    assert_eq!(record["result"], "words: -f /dev/stdin 0\nthe prompt");
    let refused = sandbox.task_bg(["resume", &id, "go on"]).code(4).json();
    assert!(refused["error"].to_string().contains("cannot go on in a session"), "{refused:#}");
    settings(&sandbox, &of(3));
    let id = launch(&sandbox, "mine", &[], "the prompt");
    error_of(&sandbox.ended(&id), "exit");
    let runners = sandbox.task_bg(["runners"]).ok().json().to_string();
    assert!(runners.contains("\"name\":\"mine\""), "{runners}");
}

#[test]
fn what_an_agent_of_ones_own_prints_for_people_never_decides_how_it_ended() {
    let sandbox = sandbox();
    for (end, reason) in [("exit 1", "exit"), ("kill -9 $$", "signal")] {
        let program = sandbox.path("bin/helper");
        executable(&program, &format!("#!/bin/sh\necho rate limit: not logged in, quota\n{end}\n"));
        settings(&sandbox, "[runners.mine]\ncommand = [\"helper\"]\n");
        let id = launch(&sandbox, "mine", &[], "the prompt");
        let words = error_of(&sandbox.ended(&id), reason);
        assert!(words.contains("rate limit"), "{words}");
    }
}

#[test]
fn an_agent_of_ones_own_may_speak_as_a_known_one_and_be_resumed() {
    let sandbox = agents();
    let text = "[runners.mine]\ncommand = [\"claude\", \"-p\"]\nstream = \"claude\"\n\
        session = [\"--session-id\", \"{session}\"]\nresume = [\"--resume\", \"{session}\"]\n";
    settings(&sandbox, text);
    let id = launch(&sandbox, "mine", &[], "SAY one");
    let first = sandbox.ended(&id);
    assert_eq!((&first["result"], &first["progress"]["runner"]), (&json!("one"), &json!("mine")));
    assert_eq!(
        first["progress"]["droidSessionId"], first["session_id"],
        "it has the name that was minted"
    );
    let next = task_id(&sandbox.task_bg(["resume", &id, "SAY two"]).ok().json());
    let second = sandbox.ended(&next);
    assert_eq!(second["progress"]["droidSessionId"], first["session_id"]);
    let id = launch(&sandbox, "mine", &[], "FAIL 429");
    error_of(&sandbox.ended(&id), "rate_limit");
}

#[test]
fn a_prompt_that_goes_onto_a_command_line_is_warned_of() {
    let sandbox = sandbox();
    settings(&sandbox, "[runners.mine]\ncommand = [\"echo\"]\nprompt = \"arg\"\n");
    let answer = sandbox.task_bg(["launch", "x", "the prompt", "--runner", "mine"]).ok().json();
    assert!(answer["note"].to_string().contains("`ps` shows it"), "{answer:#}");
    assert_eq!(sandbox.ended(&task_id(&answer))["result"], "the prompt");
}

#[test]
fn a_prompt_too_long_for_a_command_line_is_answered_with_the_other_ways_to_hand_it_over() {
    let sandbox = sandbox();
    let of = |prompt: &str| {
        settings(
            &sandbox,
            &format!("[runners.mine]\ncommand = [\"cat\"]\nprompt = \"{prompt}\"\n"),
        );
    };
    let file = sandbox.path("prompt");
    std::fs::write(&file, "x".repeat(200_000)).expect("a prompt");
    let file = file.display().to_string();
    let launch = || sandbox.task_bg(["launch", "x", "--prompt-file", &file, "--runner", "mine"]);
    of("arg");
    let refused = launch().code(7).json();
    let hint = refused["hint"].to_string();
    for way_out in ["stdin", "file"] {
        assert!(hint.contains(&format!("prompt = \\\"{way_out}\\\"")), "{refused:#}");
        of(way_out);
        let answer = launch().ok().json();
        assert_eq!(sandbox.ended(&task_id(&answer))["status"], "completed", "{answer:#}");
    }
}

// Once, a name that nobody has was found out only by the launch, and without its place.
#[test]
fn an_unknown_runner_in_the_settings_is_named_with_its_place_and_one_of_ones_own_is_known() {
    let sandbox = sandbox();
    settings(&sandbox, "\nrunner = \"cluade\"\n");
    let refused = sandbox.task_bg(["launch", "x", "SAY x"]).code(2).json();
    let error = refused["error"].to_string();
    assert!(error.contains("task-bg.toml:2:10: `runner` is `cluade`"), "{refused:#}");
    assert!(refused["hint"].to_string().contains("did you mean `claude`?"), "{refused:#}");
    settings(&sandbox, "runner = \"mine\"\n[runners.mine]\ncommand = [\"cat\"]\n");
    let id = task_id(&sandbox.task_bg(["launch", "x", "said"]).ok().json());
    assert_eq!(sandbox.ended(&id)["result"], "said");
}

#[test]
fn a_runner_that_makes_no_sense_is_named_with_its_place() {
    let sandbox = sandbox();
    settings(&sandbox, "[runners.mine]\nprompt = \"pipe\"\n");
    let refused = sandbox.task_bg(["launch", "x", "SAY x", "--runner", "mine"]).code(2).json();
    assert!(
        refused["error"].to_string().contains("task-bg.toml:2:10: `prompt` is none of"),
        "{refused:#}"
    );
}

#[test]
fn a_known_agent_is_started_with_the_program_of_the_settings() {
    let sandbox = sandbox();
    let stand_in = std::fs::read_link(sandbox.path("bin/droid")).expect("droid is there");
    let program = sandbox.path("elsewhere/codex");
    std::fs::create_dir(sandbox.path("elsewhere")).expect("a folder");
    std::os::unix::fs::symlink(stand_in, &program).expect("a link");
    settings(&sandbox, &format!("[runners.codex]\ncommand = [\"{}\"]\n", program.display()));
    let id = launch(&sandbox, "codex", &[], "SAY hello");
    assert_eq!(sandbox.ended(&id)["result"], "hello");
}

#[test]
fn what_another_session_left_in_the_environment_does_not_reach_an_agent() {
    let sandbox = agents();
    // Once, an agent saw what those of other kinds had left there.
    let marks = [
        "CLAUDE_CODE_SESSION_ID",
        "CLAUDECODE",
        "CLAUDE_CODE_ENTRYPOINT",
        "CODEX_THREAD_ID",
        "CODEX_CI",
        "GEMINI_CLI",
        "OPENCODE_PID",
        "AGENT",
        "AI_AGENT",
        "TASK_BG_PARENT_SESSION",
    ];
    for runner in OTHER_AGENTS.into_iter().chain(["droid"]) {
        let file = sandbox.path(runner);
        let script = format!("ENVIRON {}\nSAY x", file.display());
        let words = ["launch", "x", &script, "--runner", runner, "--parent", "p"];
        let run = sandbox.task_bg(words);
        let run = marks.into_iter().fold(run, |run, name| run.env(name, "outer"));
        let answer = run.ok().json();
        sandbox.ended(&task_id(&answer));
        let seen: Value =
            serde_json::from_str(&std::fs::read_to_string(&file).expect("its environment"))
                .expect("JSON");
        for name in marks {
            assert_eq!(seen[name], Value::Null, "{runner}: {name}");
        }
    }
}
