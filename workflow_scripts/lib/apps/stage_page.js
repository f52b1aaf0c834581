let dialogues = {}; // stage -> messages; what a stage said is in its own alone
let stopping = null; // ends the replies that are being written

// Words in both languages, with values in the place of each %.
function words(name, ...values) {
  const made = document.querySelector(`template[data-words="${name}"]`).content.cloneNode(true);
  for (const part of made.children) {
    let index = 0;
    part.textContent = part.textContent.replace(/%/g, () => values[index++]);
  }
  return made;
}

function remark(place, fault, ...texts) {
  let shown = place.querySelector(".remark");
  if (!shown) {
    shown = element("p", "remark", "");
    shown.setAttribute("role", "status");
    place.append(shown);
  }
  shown.classList.toggle("fault", fault);
  shown.hidden = false;
  shown.replaceChildren(...texts);
}

// Settings

function settings() {
  const found = {};
  for (const field of document.querySelectorAll("[data-setting]")) {
    found[field.dataset.setting] = field.type === "checkbox" ? field.checked : field.valueAsNumber;
  }
  const seed = $("seed").valueAsNumber;
  return { settings: found, seed: Number.isNaN(seed) ? null : seed, system_prompt: $("system_prompt").value };
}

function unfold(shown) {
  $("settings").hidden = !shown;
  $("tune").setAttribute("aria-expanded", shown);
}

function draws() {
  const drawn = document.querySelector("[data-setting=do_sample]").checked;
  for (const field of document.querySelectorAll("[data-setting=temperature],[data-setting=top_p],#seed")) {
    field.disabled = !drawn;
  }
}

// Asking

async function send(prompt) {
  unfold(!$("settings").hidden || !$("settings").checkValidity());
  if (stopping || !prompt.trim() || !$("settings").reportValidity()) return;
  $("prompt").value = "";
  $("start").hidden = true;
  stopping = new AbortController();
  busy(true);
  const turn = $("turn").content.cloneNode(true).firstElementChild;
  turn.querySelector("p").textContent = prompt;
  const how = settings();
  const asked = { role: "user", content: prompt };
  turn.querySelector(".replies").append($("replies").content.cloneNode(true));
  const cards = [...turn.querySelectorAll(".reply")];
  const first = Object.keys(dialogues).length === 0; // later the stages' dialogues differ, and so does what is asked
  if (first) turn.querySelector(".tools").append(adder([asked], how.system_prompt, turn.querySelector(".asked")));
  $("dialogue").append(turn);
  turn.scrollIntoView({ block: "start" });
  await Promise.all(cards.map((card) => {
    const messages = [...(dialogues[card.dataset.stage] ?? []), asked];
    if (!first) card.querySelector(".tools").append(adder(messages, how.system_prompt, card));
    return answer(card, dialogues, messages, how, stopping.signal);
  }));
  stopping = null;
  busy(false);
}

async function answer(card, mine, messages, how, signal) {
  const said = card.querySelector(".said");
  const state = card.querySelector(".state");
  const stage = card.dataset.stage;
  const begun = performance.now();
  let text = "";
  let end = null;
  said.classList.add("running");
  state.replaceChildren(words("waiting"));
  try {
    const reply = await ask("replies", { stage, messages, ...how }, signal);
    $("gone").hidden = true;
    if (!reply.ok) {
      $("restarted").hidden = reply.status !== 403;
      end = { error: await reply.text() };
    } else {
      for await (const line of lines(reply.body)) {
        if (line.piece === undefined) end = line;
        else {
          text += line.piece;
          state.replaceChildren();
          said.textContent = text;
        }
      }
      end ??= { broken: true };
    }
  } catch (error) {
    end = signal.aborted ? { halted: true } : { broken: true };
    if (error instanceof TypeError && !text) $("gone").hidden = signal.aborted; // no connection
  }
  said.classList.remove("running");
  const kept = finish(card, text, end, (performance.now() - begun) / 1000);
  if (kept) mine[stage] = [...messages, { role: "assistant", content: text }];
}

async function* lines(body) {
  let rest = "";
  for await (const chunk of pieces(body.pipeThrough(new TextDecoderStream()))) {
    const whole = (rest + chunk).split("\n");
    rest = whole.pop();
    for (const line of whole) yield JSON.parse(line);
  }
}

async function* pieces(stream) { // Safari cannot iterate over a stream
  const reader = stream.getReader();
  for (let got; !(got = await reader.read()).done; ) yield got.value;
}

function finish(card, text, end, seconds) {
  const state = card.querySelector(".state");
  const told = [];
  state.replaceChildren();
  if (end.halted) state.replaceChildren(words("halted"));
  else if (end.broken) told.push(words("broken"));
  else if (end.error) told.push(end.error);
  else {
    state.replaceChildren(words(end.stopped ? "ended" : "cut", end.tokens, seconds.toFixed(1)));
    if (end.left_out) told.push(words("left_out", end.left_out));
    if (!text) card.querySelector(".said").replaceChildren(words("empty"));
  }
  if (told.length) remark(card, Boolean(end.broken || end.error), ...told);
  card.querySelector(".copy").hidden = !text;
  card.querySelector(".copy").addEventListener("click", (event) => copy(event.currentTarget, text));
  return Boolean(text || end.stopped); // else the next prompt goes on from before this one
}

async function copy(button, text) {
  try {
    await navigator.clipboard.writeText(text);
    button.replaceChildren(words("copied"));
  } catch {
    button.replaceChildren(words("not_copied"));
  }
  setTimeout(() => button.replaceChildren(words("copy")), 1500);
}

// The panel

function adder(messages, system_prompt, place) {
  const button = $("add").content.cloneNode(true).firstElementChild;
  button.addEventListener("click", async () => {
    button.disabled = true;
    let reply = null;
    try {
      reply = await ask("panel", { messages, system_prompt });
    } catch {
      // the server is gone
    }
    $("gone").hidden = reply !== null;
    $("restarted").hidden = reply?.status !== 403;
    button.disabled = false;
    if (!reply?.ok) return reply && remark(place, true, await reply.text());
    button.remove();
    const { new: fresh, prompts, file, counts } = await reply.json();
    remark(
      place,
      false,
      words(fresh ? "added" : "present", file, prompts),
      words(counts ? "counts" : "would_count", file),
    );
  });
  return button;
}

// The keyboard, and the rest

function busy(now) {
  $("send").hidden = now;
  $("stop").hidden = !now;
}

const halt = () => stopping?.abort();

$("prompt").addEventListener("keydown", (event) => {
  // 229: Safari ends the composition of a character before it tells of the Enter that ended it
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
  event.preventDefault();
  send($("prompt").value);
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.isComposing) halt();
});
$("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  send($("prompt").value);
});
$("stop").addEventListener("click", halt);
$("fresh").addEventListener("click", () => {
  halt();
  dialogues = {};
  $("dialogue").replaceChildren();
  $("start").hidden = false;
  $("prompt").focus();
});
$("tune").addEventListener("click", () => unfold($("settings").hidden));
$("settings").addEventListener("submit", (event) => event.preventDefault());
$("settings").addEventListener("input", draws);
$("settings").addEventListener("reset", () => setTimeout(draws));
for (const button of document.querySelectorAll(".examples button")) {
  button.addEventListener("click", () => {
    send(button.textContent);
    if (matchMedia("(hover: hover)").matches) $("prompt").focus(); // elsewhere a keyboard would cover the replies
  });
}
draws();
