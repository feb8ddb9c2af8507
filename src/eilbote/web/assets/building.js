// The rule builder: what is typed is tried on real mail at every pause. The server makes every part of the page,
// so that there is one form, with this module and without it.

const form = () => document.querySelector("#builder");
const PAUSE = 350; // milliseconds without a key
let waiting = 0;
let asked = null;

async function send(act) {
  const here = form();
  const fields = new URLSearchParams();
  for (const [name, value] of new FormData(here)) fields.append(name, value);
  fields.set("do", act);
  asked?.abort();
  asked = new AbortController();
  const preview = document.querySelector("#preview");
  const slow = setTimeout(() => preview.classList.add("busy"), 150);
  try {
    const answer = await fetch(here.action, { method: "POST", body: fields, credentials: "same-origin", redirect: "manual", signal: asked.signal });
    if (answer.type === "opaqueredirect" || !answer.headers.get("content-type")?.startsWith("text/html")) return null;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    return page.querySelector("#builder") ? page : null;
  } finally {
    clearTimeout(slow);
    preview.classList.remove("busy");
  }
}

// Only what it would do is renewed: nobody loses the place where they type.
async function renewPreview() {
  try {
    const page = await send("preview");
    if (!page) return;
    document.querySelector("#preview").replaceChildren(...page.querySelector("#preview").childNodes);
    say();
  } catch (error) {
    if (error.name !== "AbortError") console.warn(error.message);
  }
}

// Rows come and go, or another kind is chosen: the rows are made anew.
async function renewRows(act, focus) {
  clearTimeout(waiting);
  try {
    const page = await send(act);
    if (!page) return form().requestSubmit(form().querySelector('[name="do"][value="preview"]'));
    for (const part of ["#preview", ".making"]) document.querySelector(part).replaceChildren(...page.querySelector(part).childNodes);
    focus()?.focus();
    say();
  } catch (error) {
    if (error.name !== "AbortError") form().requestSubmit(form().querySelector('[name="do"][value="preview"]'));
  }
}

// A screen reader is told the sum, not every sample at every pause.
function say() {
  const sum = document.querySelector("#preview .figure, #preview .wrong, #preview .hint")?.textContent ?? "";
  document.querySelector("#preview-said").textContent = sum.replace(/\s+/g, " ").trim();
}

const places = (field) => [...document.querySelectorAll(`#builder [name="${field}"]`)];

document.addEventListener("click", (event) => {
  const button = event.target.closest?.('#builder button[name="do"]');
  if (!button || button.value === "save" || button.hidden) return;
  const [word, number] = button.value.split("-");
  event.preventDefault();
  if (word === "preview") return renewPreview();
  if (word === "condition") return renewRows(word, () => places("kind").at(-1));
  if (word === "action") return renewRows(word, () => places("then").at(-1));
  const field = word === "without" ? "kind" : "then";
  renewRows(button.value, () => places(field)[Number(number)] ?? places(field).at(-1) ?? document.querySelector(word === "without" ? "#add-condition" : "#add-action"));
});

document.addEventListener("change", (event) => {
  if (!event.target.closest?.("#builder")) return;
  const name = event.target.name;
  if (name === "kind" || name === "then") {
    const place = places(name).indexOf(event.target);
    return renewRows("preview", () => places(name)[place]);
  }
  if (name === "account" || event.target.matches("select, [type=checkbox], [type=date]")) renewPreview();
});

document.addEventListener("input", (event) => {
  if (!event.target.closest?.("#builder") || event.target.matches("select, [type=checkbox]") || event.target.name === "name") return;
  clearTimeout(waiting);
  waiting = setTimeout(renewPreview, PAUSE);
});

// Enter in a field looks; only the button saves.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !event.target.matches?.("#builder input") || event.isComposing) return;
  event.preventDefault();
  clearTimeout(waiting);
  renewPreview();
});
