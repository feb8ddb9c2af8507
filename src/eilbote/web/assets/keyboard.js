// Keys as people know them from mail programs. Every key presses a button or a link that is on the page, so
// that nothing needs a key; none works with a modifier, in a field or while a window is open.

import { choose, chooseAll, chooseUpTo } from "./choosing.js";
import { chooseLabel, chooseMailbox, meant } from "./chooser.js";
import { perform } from "./acts.js";
import { chosen, rows } from "./rows.js";

const one = (selector) => document.querySelector(selector);
const dialog = one("#keys");
const TWO_KEYS = 1200; // milliseconds in which the second key of two must come
let going = 0;

const current = () => document.activeElement?.closest(".row") ?? one(".row.open");

function step(by, { extend = false } = {}) {
  const all = rows();
  const at = all.indexOf(current());
  const next = all[at < 0 ? 0 : at + by];
  if (!next) return;
  if (extend) {
    if (at >= 0 && !chosen().length) choose(all[at], true);
    chooseUpTo(next);
  }
  const link = next.querySelector("a");
  if (one("main.mail") && !extend) link.click();
  else link.focus();
}

function act(name) {
  const open = one(`main.mail .acts [value="${name}"]`);
  if (open && !chosen().length) return open.click();
  const many = chosen();
  if (many.length) return one(`#chosen [value="${name}"]`)?.click();
  const mails = meant();
  if (mails.length) perform(name, {}, mails.map((row) => row.dataset.id));
}

function flag() {
  const open = one('main.mail [value="unflag"], main.mail [value="flag"]');
  if (open && !chosen().length) return open.click();
  const mails = meant();
  if (mails.length) perform(mails.every((row) => row.querySelector(".star")) ? "unflag" : "flag", {}, mails.map((row) => row.dataset.id));
}

// The neighbours of the open mail in its conversation.
function inThread(by) {
  const links = document.querySelectorAll(`main.mail nav${by > 0 ? ".later" : ":not(.later)"} .thread :is(li > a, li > details > p > a)`);
  links[by > 0 ? 0 : links.length - 1]?.click();
}

function open() {
  const link = current()?.querySelector("a");
  if (link) link.click();
}

const go = (role) => one(`.boxes a[data-role="${role}"]`)?.click();
const places = { i: () => go("inbox"), d: () => go("drafts"), s: () => go("sent"), a: () => go("all"), t: () => go("trash"), o: () => one('a[href="/outbox"]')?.click() };

const keys = {
  j: () => step(1),
  k: () => step(-1),
  J: () => step(1, { extend: true }),
  K: () => step(-1, { extend: true }),
  o: open,
  n: () => inThread(1),
  p: () => inThread(-1),
  u: () => one("main.mail .back")?.click(),
  x: () => current()?.querySelector("input")?.click(),
  "*": () => chooseAll(chosen().length < rows().length),
  e: () => act("archive"),
  "#": () => act("delete"),
  "!": () => act("junk"),
  s: flag,
  U: () => act("unread"),
  I: () => act("read"),
  v: chooseMailbox,
  l: chooseLabel,
  z: () => one(".done button")?.click(),
  c: () => one("#write")?.click(),
  r: () => one("#reply")?.click(),
  a: () => one("#reply-all")?.click(),
  f: () => one("#forward")?.click(),
  g: () => (going = Date.now()),
  "/": () => one('[type="search"]').select(),
  "?": () => dialog.showModal(),
};

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input:not([type=checkbox]), select, textarea, [contenteditable]");
  if (typing || event.ctrlKey || event.metaKey || event.altKey || one("dialog[open]")) return;
  if (event.key === "Escape" && chosen().length) return chooseAll(false);
  const press = Date.now() - going < TWO_KEYS ? places[event.key] : keys[event.key];
  going = 0;
  if (!press) return;
  event.preventDefault();
  press();
});

const button = one("#show-keys");
button.hidden = false;
button.addEventListener("click", () => dialog.showModal());
