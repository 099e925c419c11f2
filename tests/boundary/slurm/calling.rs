//! Tasks on Slurm by the tools of the server.

use serde_json::json;
use tests::fake_slurm::FakeSlurm;
use tests::mcp_client::{Client, value};

use crate::sandbox;

#[test]
fn a_client_launches_on_slurm_waits_reads_and_cancels_with_the_tools_of_the_server() {
    let sandbox = sandbox();
    let slurm = FakeSlurm::new(&sandbox);
    let mut client = Client::start(sandbox.task_bg(["mcp"]));
    let ordered = json!({"command": "echo on job $SLURM_JOB_ID", "on": "slurm:agents"});
    let said = client.call("run_command", &ordered);
    let id = value(&said, "id").to_owned();
    let heard = client.call("wait_for_tasks", &json!({"ids": [id]}));
    assert!(heard.contains("on job 1"), "{heard}");
    let read = client.call("task_output", &json!({"id": id}));
    assert!(read.contains("on job 1"), "{read}");
    assert!(slurm.read("1.words").contains("--partition=agents\n"));
    assert_eq!(sandbox.record(&id)["progress"]["target"], "slurm:agents");
    let prompt = format!("WAIT {}", sandbox.path("gate").display());
    let agent = client.call("launch_agent", &json!({"prompt": prompt, "on": "slurm"}));
    let agent = value(&agent, "id").to_owned();
    let listed = client.call("list_tasks", &json!({}));
    assert!(listed.contains(&agent), "{listed}");
    let cancelled = client.call("cancel_task", &json!({"ids": [agent], "grace_s": 1}));
    assert_eq!(cancelled, format!("cancelled: {agent}"));
    let (refused, is_error) =
        client.call_as(&json!({}), "run_command", &json!({"command": "true", "on": "moon"}));
    assert!(is_error && value(&refused, "code") == "usage", "{refused}");
}
