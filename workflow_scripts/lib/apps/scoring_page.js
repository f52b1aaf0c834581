const RETRY = 2000; // milliseconds
const PAUSE = 500; // after the last key of a comment
let rater = "";
let prompts = [];
let scores = {}; // reply id -> {scores, failure, comment}
let current = 0;
let unsaved = {}; // reply id -> what the server has not confirmed; kept in the browser too
let known = new Set(); // replies of this panel; what waits for the server of another panel goes on waiting
const waiting = () => Object.keys(unsaved).find((id) => known.has(id));
let sending = null;

// Saving: at once, in order, again and again until the server has it on its disk.

function keep(id) {
  unsaved[id] = { reply_id: id, rater, ...structuredClone(scores[id]) };
  remember();
  progress();
  $("saved").hidden = true;
  send();
}

function remember() {
  localStorage.setItem("unsaved " + rater, JSON.stringify(unsaved));
}

function send() {
  sending ??= deliver().finally(() => { sending = null; });
  return sending;
}

async function deliver() {
  for (let id; (id = waiting()); ) {
    const told = unsaved[id];
    let reply = null;
    try {
      reply = await ask("scores", told);
    } catch {
      // the server is gone; what it was told stays here
    }
    $("restarted").hidden = reply?.status !== 403;
    if (reply?.status === 403) {
      $("unsaved").hidden = true;
      return;
    }
    if (reply?.status === 400) {
      await refuse(reply);
    } else if (!reply?.ok) {
      $("unsaved").hidden = false;
      await new Promise((done) => setTimeout(done, RETRY));
      continue;
    }
    if (unsaved[id] === told) delete unsaved[id];
    remember();
  }
  $("unsaved").hidden = true;
  $("saved").hidden = false;
}

async function refuse(reply) {
  $("why").textContent = await reply.text();
  $("refused").hidden = false;
}

// What is shown

function judged(reply) {
  const given = scores[reply.id];
  const wanted = $("reply").content.querySelectorAll("fieldset[data-criterion]").length - 1;
  return Boolean(given && given.failure && Object.keys(given.scores).length === wanted);
}

const complete = (prompt) => prompt.replies.every(judged);

function progress() {
  const replies = prompts.flatMap((prompt) => prompt.replies);
  const done = replies.filter(judged).length;
  $("meter").max = replies.length;
  $("meter").value = done;
  $("count").textContent = `${done} / ${replies.length}`;
  $("finished").hidden = done < replies.length;
  [...$("prompts").children].forEach((button, index) => {
    button.classList.toggle("done", complete(prompts[index]));
    if (index === current) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  });
}

function show(index) {
  current = Math.max(0, Math.min(index, prompts.length - 1));
  const prompt = prompts[current];
  $("prompt").replaceChildren(
    element("span", "theme", prompt.theme),
    ...prompt.messages.map((turn) => element("p", "turn-" + turn.role, turn.content)),
  );
  $("replies").replaceChildren(...prompt.replies.map(card));
  $("previous").disabled = current === 0;
  $("next").disabled = current === prompts.length - 1;
  progress();
  $("prompts").children[current].scrollIntoView({ block: "nearest", inline: "nearest" });
  window.scrollTo(0, 0);
  focus(firstOpen() ?? rows()[0], true);
}

function card(reply, number) {
  const made = $("reply").content.cloneNode(true).firstElementChild;
  const given = scores[reply.id] ?? { scores: {}, failure: null, comment: "" };
  made.dataset.reply = reply.id;
  made.querySelector("h3").textContent = String.fromCharCode(65 + number);
  const said = made.querySelector(".said");
  if (reply.text.trim()) said.textContent = reply.text;
  else said.replaceChildren($("empty").content.cloneNode(true));
  for (const row of made.querySelectorAll("fieldset")) {
    const criterion = row.dataset.criterion;
    const value = criterion === "failure" ? given.failure : given.scores[criterion];
    for (const choice of row.querySelectorAll("input")) {
      choice.name = `${criterion} ${number}`;
      choice.checked = String(value) === choice.value;
      choice.addEventListener("change", () => judge(reply.id, criterion, choice.value));
    }
  }
  const comment = made.querySelector("textarea");
  comment.value = given.comment;
  let pause = 0;
  const store = () => {
    clearTimeout(pause);
    if (of(reply.id).comment === comment.value) return;
    of(reply.id).comment = comment.value;
    keep(reply.id);
  };
  comment.addEventListener("input", () => {
    clearTimeout(pause);
    pause = setTimeout(store, PAUSE);
  });
  comment.addEventListener("change", store);
  return made;
}

function of(id) {
  return (scores[id] ??= { scores: {}, failure: null, comment: "" });
}

function judge(id, criterion, value) {
  if (criterion === "failure") of(id).failure = value;
  else of(id).scores[criterion] = Number(value);
  keep(id);
}

// The keyboard. The row that has the focus is the one that digits go to.

const rows = () => [...$("replies").querySelectorAll("fieldset")];
const isOpen = (row) => !row.querySelector("input:checked");
const firstOpen = () => rows().find(isOpen);
const active = () => document.activeElement?.closest?.("#replies fieldset") ?? null;

function focus(row, still) {
  const choice = row.querySelector("input:checked") ?? row.querySelector("input");
  choice.focus({ preventScroll: true });
  if (still) return;
  row.closest(".reply").querySelector("h3").scrollIntoView({ block: "nearest" });
  row.scrollIntoView({ block: "nearest" });
}

function step(by) {
  const all = rows();
  const at = all.indexOf(active());
  focus(all[Math.max(0, Math.min(at + by, all.length - 1))]);
}

function press(digit) {
  const row = active() ?? firstOpen() ?? rows()[0];
  const choice = row.querySelectorAll("input")[digit];
  if (!choice) return;
  focus(row);
  choice.click();
  step(1);
}

function nextUnfinished() {
  for (let offset = 1; offset <= prompts.length; offset++) {
    const index = (current + offset) % prompts.length;
    if (!complete(prompts[index])) return show(index);
  }
  show(current);
}

const KEYS = {
  ArrowUp: () => step(-1),
  ArrowDown: () => step(1),
  ArrowLeft: () => show(current - 1),
  ArrowRight: () => show(current + 1),
  Enter: nextUnfinished,
  KeyC: () => (active() ?? rows()[0]).closest(".reply").querySelector("textarea").focus(),
};

document.addEventListener("keydown", (event) => {
  if ($("work").hidden || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (document.activeElement?.matches("textarea")) {
    const own = [...document.activeElement.closest(".reply").querySelectorAll("fieldset")];
    if (event.key === "Escape") focus(own.find(isOpen) ?? own.at(-1));
    return;
  }
  if (document.activeElement?.matches("button") && event.key === "Enter") return;
  const digit = /^(?:Digit|Numpad)([0-6])$/.exec(event.code);
  const act = digit && !event.shiftKey ? () => press(Number(digit[1])) : KEYS[event.code] ?? KEYS[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

// Beginning and end

async function begin(name) {
  const reply = await ask("panel?rater=" + encodeURIComponent(name));
  $("refused").hidden = reply.ok;
  if (!reply.ok) {
    $("restarted").hidden = reply.status !== 403;
    return reply.status === 403 ? null : refuse(reply);
  }
  ({ rater, prompts, scores } = await reply.json());
  known = new Set(prompts.flatMap((prompt) => prompt.replies.map((each) => each.id)));
  unsaved = JSON.parse(localStorage.getItem("unsaved " + rater) ?? "{}");
  for (const [id, { scores: given, failure, comment }] of Object.entries(unsaved)) {
    if (known.has(id)) scores[id] = { scores: given, failure, comment };
  }
  localStorage.setItem("rater", rater);
  $("rater").textContent = rater;
  $("prompts").replaceChildren(...prompts.map((_, index) => {
    const button = element("button", "", String(index + 1));
    button.type = "button";
    button.addEventListener("click", () => show(index));
    return button;
  }));
  for (const id of ["start", "work", "foot", "progress", "rater"]) $(id).hidden = id === "start";
  const open = prompts.findIndex((prompt) => !complete(prompt));
  show(open < 0 ? 0 : open);
  send();
}

$("start").addEventListener("submit", (event) => {
  event.preventDefault();
  begin($("name").value.trim());
});
$("rater").addEventListener("click", async () => {
  document.activeElement.blur();
  await send();
  for (const id of ["start", "work", "foot", "progress", "rater"]) $(id).hidden = id !== "start";
  $("name").select();
});
$("previous").addEventListener("click", () => show(current - 1));
$("next").addEventListener("click", () => show(current + 1));
addEventListener("beforeunload", (event) => {
  if (document.activeElement?.matches("textarea")) document.activeElement.blur(); // stores the comment
  if (waiting()) event.preventDefault();
});
$("name").value = localStorage.getItem("rater") ?? "";
