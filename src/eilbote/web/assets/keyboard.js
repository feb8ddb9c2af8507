// Keys as people know them from mail programs. Every key presses a button or a link that is on the page.

const one = (selector) => document.querySelector(selector);
const rows = () => [...document.querySelectorAll(".row")];
const dialog = one("#keys");

function current() {
  return document.activeElement?.closest(".row") ?? one(".row.open");
}

function step(by) {
  const all = rows();
  const at = all.indexOf(current());
  const next = all[at < 0 ? 0 : at + by];
  if (!next) return;
  const link = next.querySelector("a");
  if (one("main.mail")) link.click();
  else link.focus();
}

function act(name) {
  const open = one(`main.mail .acts [value="${name}"]`);
  if (open) return open.click();
  const row = current();
  if (!row) return;
  row.querySelector("input").checked = true;
  one(`#chosen [value="${name}"]`)?.click();
}

const keys = {
  j: () => step(1),
  k: () => step(-1),
  u: () => one("main.mail .back")?.click(),
  x: () => current()?.querySelector("input").click(),
  e: () => act("archive"),
  "#": () => act("delete"),
  "!": () => act("junk"),
  s: () => act(one('main.mail [value="unflag"]') ? "unflag" : "flag"),
  U: () => act("unread"),
  z: () => one(".done button")?.click(),
  c: () => one("#write")?.click(),
  r: () => one("#reply")?.click(),
  a: () => one("#reply-all")?.click(),
  f: () => one("#forward")?.click(),
  "/": () => one('[type="search"]').select(),
  "?": () => dialog.showModal(),
};

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input:not([type=checkbox]), select, textarea");
  if (typing || event.ctrlKey || event.metaKey || event.altKey || dialog.open) return;
  const press = keys[event.key];
  if (!press) return;
  event.preventDefault();
  press();
});

const button = one("#show-keys");
button.hidden = false;
button.addEventListener("click", () => dialog.showModal());
