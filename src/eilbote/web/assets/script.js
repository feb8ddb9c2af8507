// The editor of a Sieve script: its lines are numbered, and at every pause it is checked; lines with a problem are
// marked. The server checks; here is only shown what it says.

const form = document.querySelector("#scripting");
const source = document.querySelector("#source");
const gutter = document.querySelector(".script .gutter");
const PAUSE = 500; // milliseconds without a key
let waiting = 0;
let asked = null;

function number() {
  const bad = new Set([...document.querySelectorAll(".problems li")].map((one) => Number(one.dataset.line)));
  const count = source.value.split("\n").length;
  gutter.replaceChildren(...Array.from({ length: count }, (_, at) => {
    const line = document.createElement("span");
    line.textContent = at + 1;
    if (bad.has(at + 1)) line.className = "bad";
    return line;
  }));
  gutter.scrollTop = source.scrollTop;
}

async function check() {
  asked?.abort();
  asked = new AbortController();
  const fields = new URLSearchParams();
  for (const [name, value] of new FormData(form)) fields.append(name, value);
  fields.set("do", "check");
  try {
    const answer = await fetch(form.action, { method: "POST", body: fields, credentials: "same-origin", redirect: "manual", signal: asked.signal });
    if (answer.type === "opaqueredirect") return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of ["#problems", "#beside"]) {
      const fresh = page.querySelector(part);
      if (fresh) document.querySelector(part).replaceChildren(...fresh.childNodes);
    }
    number();
  } catch (error) {
    if (error.name !== "AbortError") console.warn(error.message);
  }
}

source.addEventListener("input", () => {
  number();
  clearTimeout(waiting);
  waiting = setTimeout(check, PAUSE);
});
source.addEventListener("scroll", () => { gutter.scrollTop = source.scrollTop; });

// A problem leads to its place.
document.addEventListener("click", (event) => {
  const problem = event.target.closest?.(".problems .place")?.closest("li");
  if (!problem) return;
  event.preventDefault();
  const lines = source.value.split("\n").slice(0, Number(problem.dataset.line) - 1);
  const at = lines.reduce((sum, line) => sum + line.length + 1, 0) + Number(problem.dataset.column) - 1;
  source.focus();
  source.setSelectionRange(at, Math.min(at + 1, source.value.length));
  source.scrollTop = Math.max(0, (lines.length - 5) * parseFloat(getComputedStyle(source).lineHeight));
});

form.addEventListener("click", (event) => {
  const button = event.target.closest('button[value="check"]');
  if (!button) return;
  event.preventDefault();
  check();
});

number();
