"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const { steps, names, output, before } = data;
  const of = (id) => document.getElementById(id);
  const LINES = 300; // of a long transcript, those around the step are on the page; of a long table, the last
  const LONGEST = 20; // letters of a derivative below its node
  const DEEPEST = 24; // lines further in are not indented further, but say how deep they are
  const LABELS = { visit: "waiting", store: "stored", read: "read", drop: "dropped" };
  const CLASSES = { visit: "waiting", store: "stored", read: "taken", drop: "wrong" };
  const svg = document.querySelector(".graph svg");
  const natural = svg.viewBox.baseVal.width;
  const nodes = new Map([...svg.querySelectorAll("[data-node]")].map((g) => [Number(g.dataset.node), g]));
  const edges = new Map([...svg.querySelectorAll("[data-edge]")].map((g) => [g.dataset.edge, g]));
  const labels = new Map([...nodes].map(([n, g]) => [n, g.querySelector(".state").textContent]));
  const about = new Map([...nodes].map(([n, g]) => [n, g.querySelector("title").textContent.slice(0, -labels.get(n).length)]));
  const looks = new Map(); // as each node was shown last: of a large picture, a step changes little
  const idle = new Set([...nodes].filter(([, g]) => g.classList.contains("never-touched")).map(([n]) => n)); // only the end shows that
  const opened = new Set(); // nodes whose numbers are open in the table
  let at = 0; // how many steps have been taken
  let timer = 0;
  const score = { right: 0, asked: 0 };

  const derivative = (n) => `∂${names[output]}/∂${names[n]}`;
  const ends = new Map(); // line -> how it ends
  const begins = new Map(); // line -> the step that began it
  steps.forEach((step, k) => {
    if (!begins.has(step.line)) begins.set(step.line, k);
    ends.set(step.line, step.kind);
  });
  const isQuestion = (k) => steps[k].kind !== "local" && steps[k].node >= 0 && begins.get(steps[k].line) === k;

  const question = () => steps.findIndex((_, k) => k >= at && isQuestion(k)); // the next one, or -1

  const edgesOf = (step) => {
    if (step.kind === "local") return [`${step.node}-${step.consumer}`];
    return step.kind === "visit" ? [`${step.node}-${output}`] : [];
  };

  // Everything that the page shows follows from how many steps have been taken.
  const stateAt = (count) => {
    const lines = [], last = new Map(), went = new Set();
    const table = new Map([[output, { value: "1" }], ...before.map((row) => [row.node, row])]);
    for (const step of steps.slice(0, count)) {
      lines[step.line] = step;
      if (step.node < 0) continue;
      edgesOf(step).forEach((edge) => went.add(edge));
      if (step.kind !== "local") last.set(step.node, step.kind);
      if (step.kind === "drop") table.delete(step.node);
      if (step.kind === "store") table.set(step.node, step);
    }
    return { lines, last, went, table };
  };

  const render = () => {
    const { lines, last, went, table } = stateAt(at);
    const now = at ? steps[at - 1] : null;
    showGraph(last, went, now, table);
    showTranscript(lines, now);
    showTable(table, now);
    of("said").textContent = now ? `Step ${at} of ${steps.length}. ${now.rule}` : `${steps.length} steps. ${derivative(output)} = 1 is known.`;
    of("slider").value = at;
    of("slider").setAttribute("aria-valuetext", `${at} of ${steps.length}`);
    of("said").setAttribute("aria-live", timer ? "off" : "polite"); // nobody can listen as fast as it plays
    rest(at === 0, "first", "back");
    rest(at === steps.length, "next");
    of("play").textContent = timer ? "Pause" : "Play";
    of("quiz").hidden = !of("teach").checked || question() < 0;
  };

  // A button that has come to its end keeps the focus, which a disabled one loses.
  const rest = (ended, ...buttons) => buttons.forEach((id) => of(id).setAttribute("aria-disabled", ended));

  const showGraph = (last, went, now, table) => {
    for (const [n, g] of nodes) {
      const kind = last.get(n), current = now !== null && now.node === n;
      const state = kind ? LABELS[kind] : idle.has(n) && at < steps.length ? "" : labels.get(n);
      const known = table.has(n) ? `∂ = ${table.get(n).value.split(", |")[0] || "replaced since"}` : "";
      const look = `${kind} ${current} ${state} ${known}`;
      if (looks.get(n) === look) continue;
      looks.set(n, look);
      g.classList.remove(...Object.values(CLASSES));
      if (kind) g.classList.add(CLASSES[kind]);
      g.classList.toggle("now", current);
      g.querySelector(".state").textContent = state;
      g.querySelector(".derivative").textContent = known.length > LONGEST ? `${known.slice(0, LONGEST - 1)}…` : known;
      g.querySelector("title").textContent = about.get(n) + (state || "not touched so far");
    }
    if (now && nodes.has(now.node)) keepInView(nodes.get(now.node), document.querySelector(".graph"));
    const here = new Set(now ? edgesOf(now) : []);
    for (const [id, g] of edges) {
      g.classList.toggle("went", went.has(id));
      g.classList.toggle("now", here.has(id));
    }
  };

  const showTranscript = (lines, now) => {
    const start = Math.max(0, Math.min(lines.length - LINES, (now ? now.line : 0) - LINES / 2));
    const items = lines.slice(start, start + LINES).map(({ text, depth }, k) => {
      const item = document.createElement("li"), button = document.createElement("button");
      button.type = "button";
      button.textContent = depth > DEEPEST ? text.replace(/^/gm, `(${depth} deep) `) : text;
      item.style.setProperty("--depth", Math.min(depth, DEEPEST));
      item.setAttribute("aria-level", depth + 1); // the indent, for those who listen
      button.dataset.line = start + k;
      const current = now !== null && now.line === start + k;
      button.tabIndex = current ? 0 : -1;
      button.classList.toggle("now", current);
      if (current) button.setAttribute("aria-current", "step");
      item.append(button);
      return item;
    });
    const held = of("transcript").contains(document.activeElement);
    of("transcript").replaceChildren(...items);
    const current = of("transcript").querySelector(".now");
    if (current) keepInView(current, document.querySelector(".told"));
    if (current && held) current.focus({ preventScroll: true });
  };

  const keepInView = (item, box) => {
    const inner = item.getBoundingClientRect(), outer = box.getBoundingClientRect();
    const above = outer.top + 40, left = outer.left + 20, below = outer.top + box.clientHeight - 8, right = outer.left + box.clientWidth - 8;
    if (inner.top < above) box.scrollTop -= above - inner.top;
    else if (inner.bottom > below) box.scrollTop += inner.bottom - below;
    if (inner.left < left || inner.width > right - left) box.scrollLeft -= left - inner.left;
    else if (inner.right > right) box.scrollLeft += inner.right - right;
  };

  const showTable = (table, now) => {
    const rows = [...table].slice(-LINES).map(([n, { value, elements }]) => {
      const row = document.createElement("tr"), name = document.createElement("th"), cell = document.createElement("td");
      name.scope = "row";
      name.textContent = derivative(n);
      cell.append(elements ? numbers(n, value, elements) : value || "replaced since");
      row.dataset.row = n;
      row.classList.toggle("lit", now !== null && now.node === n && (now.kind === "store" || now.kind === "read"));
      row.append(name, cell);
      return row;
    });
    of("table").replaceChildren(...rows);
    of("table-title").textContent = table.size > LINES ? `Table: the last ${LINES} of ${table.size} rows` : "Table";
    const lit = of("table").querySelector(".lit");
    if (lit) keepInView(lit, document.querySelector(".held"));
  };

  // An array opens: its numbers stay open from step to step.
  const numbers = (n, value, elements) => {
    const box = document.createElement("details"), title = document.createElement("summary"), text = document.createElement("pre");
    title.textContent = value;
    text.textContent = elements;
    text.tabIndex = 0;
    box.append(title, text);
    box.open = opened.has(n);
    box.addEventListener("toggle", () => opened[box.open ? "add" : "delete"](n));
    return box;
  };

  const go = (count) => {
    at = Math.max(0, Math.min(steps.length, count));
    if (at === steps.length) stop();
    render();
  };

  const stop = () => {
    clearInterval(timer);
    timer = 0;
  };

  const play = () => {
    if (timer) stop();
    else if (steps.length) {
      if (at === steps.length) at = 0;
      timer = setInterval(() => go(at + 1), Number(of("speed").value));
    }
    render();
  };

  const step = (by) => {
    stop();
    go(at + by);
  };

  // A line under the pointer lights its node and its arrow; a node lights its lines.
  const light = (node, arrows) => {
    document.querySelectorAll(".graph .lit, #transcript .lit").forEach((item) => item.classList.remove("lit"));
    if (node === null) return;
    nodes.get(node)?.classList.add("lit");
    arrows.forEach((id) => edges.get(id)?.classList.add("lit"));
  };

  const lightLine = (event) => {
    const button = event.target.closest("[data-line]");
    if (!button) return light(null);
    const first = steps[begins.get(Number(button.dataset.line))];
    light(first.node, edgesOf(first));
    button.classList.add("lit");
  };

  const lightLines = (ofStep) => {
    for (const button of of("transcript").querySelectorAll("[data-line]")) {
      button.classList.toggle("lit", ofStep(steps[begins.get(Number(button.dataset.line))]));
    }
  };

  const lightItem = (event) => {
    const node = event.target.closest("[data-node]"), edge = event.target.closest("[data-edge]");
    light(node ? Number(node.dataset.node) : null, []);
    if (node) lightLines((first) => first.node === Number(node.dataset.node));
    if (edge) {
      edge.classList.add("lit");
      lightLines((first) => edgesOf(first).includes(edge.dataset.edge));
    }
  };

  // Teaching: the next derivative to be begun or read is asked for, and the steps before it are shown with the answer.
  const answer = (event) => {
    event.preventDefault();
    stop();
    const k = question();
    const how = ends.get(steps[k].line) === "read" ? "read" : "store";
    const right = Number(of("guess").value) === steps[k].node && event.submitter?.value === how;
    score.asked += 1;
    score.right += right;
    const truth = `${derivative(steps[k].node)} comes next, and it is ${how === "read" ? "read from the table" : "computed"}`;
    of("verdict").textContent = `${right ? "Right" : "No"}: ${truth}. ${score.right} of ${score.asked} right.`;
    go(k + 1);
  };

  const onKey = (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.matches("select, input[type=range], summary, pre")) return;
    const moves = { ArrowRight: () => step(1), ArrowLeft: () => step(-1), Home: () => step(-steps.length), End: () => step(steps.length) };
    if (event.key === " " && !event.target.matches("button, input")) moves[" "] = play;
    if (event.target.matches("[data-line]")) {
      moves.ArrowDown = () => focusLine(event.target.parentNode.nextSibling);
      moves.ArrowUp = () => focusLine(event.target.parentNode.previousSibling);
    }
    if (!moves[event.key]) return;
    event.preventDefault();
    moves[event.key]();
  };

  const focusLine = (item) => item?.firstChild.focus();

  const jump = (event) => {
    const button = event.target.closest("[data-line]");
    if (button) step(begins.get(Number(button.dataset.line)) + 1 - at);
  };

  // An arrow is thin: the pointer finds it a little beside its line, too.
  for (const edge of edges.values()) {
    const reach = edge.querySelector(".ahead").cloneNode();
    reach.setAttribute("class", "reach");
    reach.removeAttribute("marker-end");
    edge.prepend(reach);
  }

  // The derivative of a node stands below its box.
  for (const g of nodes.values()) {
    const text = document.createElementNS(svg.namespaceURI, "text");
    text.setAttribute("class", "derivative");
    text.setAttribute("y", 41);
    g.append(text);
  }

  // A picture is fitted to the page. Where its letters get small, names grow and the rest waits for the large picture.
  const fit = () => {
    svg.style.minWidth = of("large").checked ? `${0.8 * natural}px` : "0";
    document.querySelector(".graph").classList.toggle("small", svg.clientWidth < 0.7 * natural);
  };
  of("large").checked = svg.parentNode.clientWidth < 0.4 * natural;
  of("large").addEventListener("change", () => { fit(); render(); });
  addEventListener("resize", fit);
  fit();

  of("slider").max = steps.length;
  of("guess").append(...[...nodes.keys()].filter((n) => n !== output).map((n) => new Option(derivative(n), n)));
  of("first").addEventListener("click", () => step(-steps.length));
  of("back").addEventListener("click", () => step(-1));
  of("next").addEventListener("click", () => step(1));
  of("play").addEventListener("click", play);
  of("slider").addEventListener("input", () => step(Number(of("slider").value) - at));
  of("speed").addEventListener("change", () => { if (timer) { stop(); play(); } });
  of("teach").addEventListener("change", () => { stop(); of("verdict").textContent = ""; render(); });
  of("quiz").addEventListener("submit", answer);
  of("transcript").addEventListener("mouseover", lightLine);
  of("transcript").addEventListener("focusin", lightLine);
  of("transcript").addEventListener("mouseleave", () => light(null));
  of("transcript").addEventListener("click", jump);
  svg.addEventListener("mouseover", lightItem);
  svg.addEventListener("mouseleave", () => light(null));
  document.addEventListener("keydown", onKey);
  render();
})();
