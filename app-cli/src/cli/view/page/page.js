"use strict";
// Draws the page from the data in it. Every text of the data goes through `textContent` or an attribute of SVG, and
// none through a parser, so that whatever an agent wrote stays a text.
const data = JSON.parse(document.getElementById("data").textContent);
const WORDS = ["queued", "running", "completed", "error", "cancelled"];
const ROW = 22, SPACE = 28;

const by = id => document.getElementById(id);
function put(name, text, kind) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  return made;
}
function draw(name, facts, title) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(facts)) made.setAttribute(key, value);
  if (title) made.append(Object.assign(document.createElementNS(made.namespaceURI, "title"), {textContent: title}));
  return made;
}
const number = value => value === undefined ? "" : value.toLocaleString("en-US");
const dollars = value => value === undefined ? "" : "$" + value.toFixed(value < 1 ? 4 : 2);
const when = at => {
  if (at === undefined) return "";
  const two = value => String(value).padStart(2, "0"), date = new Date(at);
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join("-");
  return day + " " + [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":");
};
function span(millis) {
  if (millis === undefined) return "";
  const seconds = Math.floor(Math.max(millis, 0) / 1000), two = value => String(value).padStart(2, "0");
  if (seconds >= 86400) return Math.floor(seconds / 86400) + "d" + two(Math.floor(seconds / 3600) % 24) + "h";
  if (seconds >= 3600) return Math.floor(seconds / 3600) + "h" + two(Math.floor(seconds / 60) % 60) + "m";
  if (seconds >= 60) return Math.floor(seconds / 60) + "m" + two(seconds % 60) + "s";
  return seconds + "s";
}
const words = task => task.reason ? task.status + " (" + task.reason + ")" : task.status;
const first = task => task.queued ?? task.started ?? task.ended ?? data.generated;
const goesOn = task => task.status === "queued" || task.status === "running";
const last = task => task.ended ?? (goesOn(task) ? data.generated : first(task));
const took = task => task.started === undefined ? undefined : last(task) - task.started;
const tokens = task => task.input === undefined ? undefined : task.input + task.output;

// Attempts of one task follow one another on one row.
const known = new Map(data.tasks.map(task => [task.id, task]));
const rows = [], rowOf = new Map();
for (const task of [...data.tasks].sort((one, other) => first(one) - first(other))) {
  const before = rowOf.get(task.retryOf);
  if (before === undefined) rows.push([task]); else rows[before].push(task);
  rowOf.set(task.id, before ?? rows.length - 1);
}

// The time of the line: where nothing happened for long, the line is cut short.
function stretches() {
  const spans = data.tasks.map(task => [first(task), Math.max(last(task), first(task))]).sort((a, b) => a[0] - b[0]);
  const merged = [];
  for (const [from, to] of spans) {
    const open = merged[merged.length - 1];
    if (open && from <= open[1]) open[1] = Math.max(open[1], to); else merged.push([from, to]);
  }
  const busy = merged.reduce((sum, [from, to]) => sum + to - from, 0) || 1;
  const kept = [];
  for (const part of merged) {
    const open = kept[kept.length - 1];
    if (open && part[0] - open[1] < busy * 0.05) open[1] = part[1]; else kept.push([...part]);
  }
  return kept;
}
function scaled(width) {
  const parts = stretches(), inner = Math.max(width - 16 - SPACE * (parts.length - 1), parts.length * 8);
  const busy = parts.reduce((sum, [from, to]) => sum + Math.max(to - from, 1), 0) || 1;
  let at = 8;
  const placed = parts.map(([from, to]) => {
    const wide = inner * Math.max(to - from, 1) / busy, part = {from, to, at, wide};
    at += wide + SPACE;
    return part;
  });
  const x = moment => {
    const part = placed.find(part => moment <= part.to) ?? placed[placed.length - 1];
    return part.at + part.wide * Math.max(moment - part.from, 0) / Math.max(part.to - part.from, 1);
  };
  return {placed, x, width: at - SPACE + 8};
}
const MONTH = 2592000;
const STEPS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 604800, MONTH,
];

let zoom = 1;
function timeline() {
  const box = by("line"), grid = put("div", undefined, "grid");
  box.replaceChildren();
  if (!rows.length) return box.append(put("p", "No tasks.", "faint"));
  const narrow = window.matchMedia("(max-width: 40rem)").matches ? 8 : 15;
  const room = Math.max(box.clientWidth - narrow * 16 - 4, 200);
  const {placed, x, width} = scaled(room * zoom), height = rows.length * ROW;
  const axis = draw("svg", {width, height: 24, "aria-hidden": "true"});
  const plot = draw("svg", {width, height, role: "img", "aria-label":
    "Time line of " + rows.length + " tasks; the table below has the same times as text"});
  by("legend").lastElementChild.hidden = placed.length < 2;
  let free = -Infinity;
  placed.forEach((part, index) => {
    if (index) plot.append(draw("rect", {class: "gap", x: part.at - SPACE + 4, y: 0, width: SPACE - 8, height},
      "nothing for " + span(part.from - placed[index - 1].to)));
    const second = part.wide * 1000 / Math.max(part.to - part.from, 1);
    const step = 1000 * (STEPS.find(step => second * step >= 90) ?? MONTH);
    for (let tick = Math.ceil(part.from / step) * step; tick <= part.to; tick += step) {
      const at = x(tick), text = when(tick).slice(step >= 86400000 ? 0 : 11, step >= 60000 ? 16 : 19);
      plot.append(draw("line", {class: "rule", x1: at, x2: at, y1: 0, y2: height}));
      if (at < free || at + 60 > width) continue;
      free = at + 70;
      axis.append(Object.assign(draw("text", {x: at + 3, y: 16}), {textContent: text}));
    }
  });
  const names = put("ol", undefined, "names");
  rows.forEach((attempts, row) => {
    names.append(Object.assign(put("li", attempts[0].label), {title: attempts[0].label + " " + attempts[0].id}));
    for (const task of attempts) for (const id of task.after) {
      const before = known.get(id), from = rowOf.get(id);
      if (!before || from === row) continue;
      const left = x(last(before)), right = x(task.started ?? first(task)), y = from * ROW + 11;
      plot.append(draw("path", {class: "after", d: `M${left} ${y}h4V${row * ROW + 11}H${Math.max(right, left)}`},
        task.label + " comes after " + before.label));
    }
    for (const task of attempts) {
      const title = [task.label, task.id, words(task), span(took(task))].filter(Boolean).join(", ");
      const y = row * ROW + 4, begin = x(first(task)), start = x(task.started ?? last(task)), end = x(last(task));
      const shapes = [];
      if (start - begin > 1) shapes.push(draw("rect",
        {class: "wait", x: begin, y: y + 4, width: start - begin, height: 6}, title));
      const isBar = task.started !== undefined || task.status !== "queued";
      if (isBar) shapes.push(draw("rect",
        {class: "bar " + task.status, x: start, y, rx: 2, width: Math.max(end - start, 3), height: 14}, title));
      for (const shape of shapes) shape.addEventListener("click", () => show(task));
      plot.append(...shapes);
    }
  });
  const corner = put("div", undefined, "corner"), top = put("div", undefined, "axis"), body = put("div");
  top.append(axis);
  body.append(plot);
  grid.append(corner, top, names, body);
  box.append(grid);
}
function show(task) {
  const row = lines.get(task.id);
  for (const other of lines.values()) other.classList.toggle("shown", other === row);
  row.scrollIntoView({block: "center"});
}

// The table: a row a task, sorted by any column.
const COLUMNS = [
  ["Task", task => task.label.toLowerCase()], ["Droid", task => task.agent + " " + task.model],
  ["Status", task => WORDS.indexOf(task.status) + words(task)], ["Ordered", first],
  ["Waited", task => (task.started ?? last(task)) - first(task)], ["Took", task => took(task) ?? -1],
  ["Tools", task => task.tools], ["Tokens", task => tokens(task) ?? -1], ["Cost", task => task.cost ?? -1],
  ["Result", task => task.gist.toLowerCase()],
];
const lines = new Map();
function line(task) {
  const row = put("tr"), name = put("th"), agent = put("td", task.agent);
  const status = put("td", words(task), "status " + task.status);
  name.scope = "row";
  name.append(put("div", task.label), put("code", task.name ? task.name + " " + task.id : task.id));
  if (task.attempt > 1) name.append(put("div", "attempt " + task.attempt, "faint"));
  const after = task.after.map(id => known.get(id)?.label ?? id);
  if (after.length) name.append(put("div", "after " + after.join(", "), "faint"));
  if (task.model) agent.append(put("div", task.model, "faint"));
  const tools = put("td", number(task.tools), "number"), used = put("td", number(tokens(task)), "number");
  if (task.input !== undefined) {
    used.append(put("div", number(task.input) + " in", "faint"), put("div", number(task.output) + " out", "faint"));
  }
  if (task.cached) used.append(put("div", number(task.cached) + " cached", "faint"));
  if (task.lastTool) tools.append(put("div", task.lastTool, "faint"));
  const result = put("td", undefined, "result");
  const texts = [["note", task.note], ["message", task.message], ["result", task.result], ["late result", task.late]];
  const more = texts.filter(([, text]) => text && text !== task.gist);
  if (more.length) {
    const details = put("details");
    details.append(put("summary", task.gist || more[0][0]));
    // Only what is opened is laid out: a thousand results stay quick.
    details.addEventListener("toggle", () => more.splice(0).forEach(([title, text]) =>
      details.append(put("div", title, "faint"), put("pre", text))), {once: true});
    result.append(details);
  } else result.textContent = task.gist;
  const cells = [put("td", when(first(task)), "when"),
    put("td", span((task.started ?? last(task)) - first(task)), "number"), put("td", span(took(task)), "number")];
  row.append(name, agent, status, ...cells, tools, used, put("td", dollars(task.cost), "number"), result);
  lines.set(task.id, row);
  return row;
}
function table() {
  const made = put("table"), head = put("thead"), row = put("tr"), body = put("tbody");
  made.classList.toggle("no-tokens", data.tasks.every(task => task.input === undefined));
  made.classList.toggle("no-cost", data.tasks.every(task => task.cost === undefined));
  made.append(put("caption", "Tasks; the buttons in the head sort them"), head, body);
  const sort = (index, down) => {
    const said = down ? "descending" : "ascending";
    [...row.children].forEach((cell, at) => cell.setAttribute("aria-sort", at === index ? said : "none"));
    const key = COLUMNS[index][1], order = data.tasks.map(task => [key(task), task]);
    order.sort(([one], [other]) => (one < other ? -1 : one > other ? 1 : 0) * (down ? -1 : 1));
    body.append(...order.map(([, task]) => lines.get(task.id)));
  };
  COLUMNS.forEach(([title], index) => {
    const cell = put("th"), button = put("button", title);
    cell.scope = "col";
    button.type = "button";
    button.addEventListener("click", () => sort(index, cell.getAttribute("aria-sort") === "ascending"));
    cell.append(button);
    row.append(cell);
  });
  head.append(row);
  data.tasks.forEach(line);
  sort(3, false);
  by("tasks").append(made);
}
function filter() {
  const wanted = by("words").value.toLowerCase().split(/\s+/).filter(Boolean), status = by("status").value;
  let shown = 0;
  for (const task of data.tasks) {
    const text = [task.label, task.id, task.name, task.agent, task.model, words(task), task.gist].join(" ").toLowerCase();
    const fits = (!status || task.status === status) && wanted.every(word => text.includes(word));
    lines.get(task.id).hidden = !fits;
    if (fits) shown += 1;
  }
  by("count").textContent = shown + " of " + data.tasks.length + " shown";
}
function sums() {
  const sum = key => data.tasks.reduce((all, task) => all + (key(task) ?? 0), 0), counts = [["Tasks", number(data.tasks.length)]];
  for (const word of WORDS) {
    const count = data.tasks.filter(task => task.status === word).length;
    if (!count) continue;
    counts.push([word[0].toUpperCase() + word.slice(1), number(count)]);
    by("status").append(Object.assign(put("option", word), {value: word}));
  }
  counts.push(["Time of all", span(sum(took))], ["Tool calls", number(sum(task => task.tools))]);
  if (data.tasks.some(task => task.input !== undefined)) {
    counts.push(["Tokens in", number(sum(task => task.input))], ["Tokens out", number(sum(task => task.output))]);
  }
  if (data.tasks.some(task => task.cost !== undefined)) counts.push(["Cost", dollars(sum(task => task.cost))]);
  for (const [title, value] of counts) {
    const pair = put("div");
    pair.append(put("dt", title), put("dd", value));
    by("sums").append(pair);
  }
  const whose = data.parents.length ? " of " + data.parents.join(", ") : "";
  const lost = data.unreadable ? "; " + data.unreadable + " records could not be read" : "";
  by("about").textContent = "As of " + when(data.generated) + whose + lost + ". Written by task-bg " + data.version + ".";
  for (const word of WORDS) {
    const item = put("li"), key = draw("svg", {width: 14, height: 14, class: "key", "aria-hidden": "true"});
    key.append(word === "queued" ? draw("rect", {class: "wait", x: 1, y: 4, width: 12, height: 6})
      : draw("rect", {class: "bar " + word, width: 14, height: 14, rx: 2}));
    item.append(key, word);
    by("legend").append(item);
  }
  const item = put("li"), key = draw("svg", {width: 14, height: 14, class: "key", "aria-hidden": "true"});
  key.append(draw("rect", {class: "gap", width: 14, height: 14}));
  item.append(key, "time left out, in which nothing happened");
  by("legend").append(item);
}

sums();
table();
filter();
timeline();
by("words").addEventListener("input", filter);
by("status").addEventListener("change", filter);
by("closer").addEventListener("click", () => { zoom = Math.min(zoom * 2, 64); timeline(); });
by("wider").addEventListener("click", () => { zoom = Math.max(zoom / 2, 1); timeline(); });
let width = window.innerWidth;
window.addEventListener("resize", () => {
  if (window.innerWidth !== width) { width = window.innerWidth; timeline(); }
});
