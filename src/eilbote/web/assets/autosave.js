// What is typed is saved by itself: after a pause, now and then while typing goes on, and when the page is
// left. A status line says so. Without a connection it is tried again; nothing typed is ever taken back.

const form = document.querySelector("#write-form");
const said = document.querySelector("#said");
const field = (name) => form.elements.namedItem(name);
const PAUSE = 1500; // milliseconds without a key
const LONGEST = 15000; // milliseconds of typing without a save
const RETRY = [2000, 5000, 15000, 30000];

let changed = 0; // when the first key fell that is not saved yet; 0: all is saved
let pause = 0;
let failures = 0;
let running = null; // the save under way
let sending = false; // a button sends the form: it saves by itself

function tell(words, link) {
  said.replaceChildren(words);
  if (!link) return;
  const other = document.createElement("a");
  other.href = link;
  other.textContent = form.dataset.other;
  said.append(" ", other);
}

function body(what) {
  const data = new FormData(form);
  data.delete("file");
  data.set("do", what);
  return data;
}

async function renewToken() {
  const answer = await fetch("/write/token", { credentials: "same-origin", redirect: "manual" });
  if (!answer.ok) return false;
  field("token").value = (await answer.json()).token;
  return true;
}

function take(told) {
  field("writing").value = told.writing;
  field("version").value = told.version;
  if (location.pathname !== told.path) history.replaceState(null, "", told.path);
}

async function send(what) {
  const began = Date.now();
  tell(form.dataset.saving);
  try {
    let answer = await fetch("/write/save", { method: "POST", body: body(what), credentials: "same-origin", redirect: "manual" });
    if (answer.status === 403 && (await renewToken())) {
      answer = await fetch("/write/save", { method: "POST", body: body(what), credentials: "same-origin" });
    }
    if (answer.status === 403 || answer.type === "opaqueredirect") return failed(form.dataset.signedOut);
    const told = await answer.json();
    if (told.writing) take(told);
    if (told.problem?.length) return failed(told.problem.join(" "));
    failures = 0;
    if (changed && changed <= began) changed = 0;
    if (told.beside) tell(form.dataset.beside, told.beside);
    else tell(form.dataset.saved.replace("{time}", told.saved));
    if (changed) later();
  } catch {
    failed(form.dataset.offline);
  }
}

function failed(words) {
  tell(words);
  clearTimeout(pause);
  pause = setTimeout(save, RETRY[Math.min(failures, RETRY.length - 1)]);
  failures += 1;
}

async function save() {
  clearTimeout(pause);
  if (sending || !changed) return;
  if (running) {
    await running;
    return save();
  }
  const until = Date.now();
  running = send("keep").finally(() => { running = null; });
  await running;
  if (changed && changed > until) later();
}

function later() {
  clearTimeout(pause);
  if (sending) return;
  const waited = Date.now() - changed;
  pause = setTimeout(save, Math.max(0, Math.min(PAUSE, LONGEST - waited)));
}

function typed(event) {
  if (event.target.type === "file" || event.target.id === "when") return;
  field("edit").value = Number(field("edit").value) + 1;
  if (!changed) {
    changed = Date.now();
    if (!failures) tell(form.dataset.unsaved);
  } else if (running) changed = Date.now();
  if (!failures) later();
}

form.addEventListener("input", typed);
form.addEventListener("change", typed);
addEventListener("online", () => { failures = 0; save(); });

// A button of the form: what is on its way ends first, so that nothing older comes after it.
form.addEventListener("submit", async (event) => {
  if (event.defaultPrevented) return;
  const button = event.submitter;
  if (sending) return event.preventDefault();
  sending = true;
  clearTimeout(pause);
  if (!running) return;
  event.preventDefault();
  await running;
  const what = document.createElement("input");
  what.type = "hidden";
  what.name = "do";
  what.value = button?.value ?? "save";
  form.append(what);
  form.submit();
});
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  sending = false;
  form.querySelector('input[type="hidden"][name="do"]')?.remove();
});

// The page is left: what is not saved goes along; a browser carries 64 kB, and asks the person for more.
const leaving = () => changed && !sending;
addEventListener("pagehide", () => {
  if (sending || !(Number(field("writing").value) || changed)) return;
  navigator.sendBeacon("/write/save", body("leave"));
});
addEventListener("beforeunload", (event) => {
  if (leaving() && (failures || new Blob([field("text").value]).size > 60000)) event.preventDefault();
});
document.addEventListener("visibilitychange", () => { if (document.hidden) save(); });

document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    form.requestSubmit(document.querySelector("#send"));
  } else if (event.key === "Escape" && !event.defaultPrevented && !document.querySelector(".people:not([hidden])")) {
    document.activeElement?.blur();
    save();
  }
});
