// task-bg: names the session to its shell, and tells the model how the tasks of the session ended.
// Written by `task-bg hooks install --for opencode`; `task-bg hooks uninstall --for opencode` removes it.
import { spawnSync } from "node:child_process"

const HOOK = "@HOOK@"

// What the hook has to tell about an event of the session, if anything.
const told = (session, event) => {
  try {
    const input = JSON.stringify({ session_id: session, hook_event_name: event })
    const ran = spawnSync("/bin/sh", ["-c", HOOK], { input, timeout: 5000, encoding: "utf8" })
    return JSON.parse(ran.stdout).hookSpecificOutput.additionalContext
  } catch {
    return undefined
  }
}

export const TaskBg = async () => ({
  "shell.env": async (input, output) => {
    if (input.sessionID) output.env.OPENCODE_SESSION_ID = input.sessionID
  },
  "tool.execute.after": async (input, output) => {
    const words = told(input.sessionID, "PostToolUse")
    if (words) output.output = `${output.output ?? ""}\n\n${words}`
  },
})
