// What is done with mail is done without a reload: the form is sent, the list renews itself, and a line says
// what was done and offers to take it back. Without a connection nothing is done, and that is said.

import { failed, fetched, reason, refused } from "./page.js";
import { chosen, drop, landmarks, merge, rows, stretch } from "./rows.js";
import { openMail, showMail } from "./opening.js";

const GONE = new Set(["archive", "junk", "delete", "erase", "move"]);
const STAYS_OPEN = new Set(["flag", "unflag", "label", "unlabel"]);
let before = Promise.resolve();

// Sends a form of ours, one after the other. `fields` is what it says.
export function send(address, fields) {
  before = before.then(() => carryOut(address, fields));
  return before;
}

async function carryOut(address, fields) {
  const act = fields.get("act") ?? "";
  const ids = fields.get("all") ? rows().map((row) => row.dataset.id) : fields.getAll("id");
  const place = rows().findIndex((row) => ids.includes(row.dataset.id));
  const reading = document.querySelector("main.mail input[name=id]")?.value ?? "";
  const inRow = document.activeElement?.closest(".list") !== null;
  try {
    const { ok, page } = await fetched(address, { method: "POST", body: new URLSearchParams(fields) });
    if (!ok || !page.querySelector(".desk")) return failed(reason(page));
    document.querySelector("#failed").replaceChildren();
    document.querySelector("#said").replaceWith(page.querySelector("#said"));
    for (const row of chosen()) row.querySelector("input").checked = false;
    const every = document.querySelector('#chosen [name="all"]');
    if (every) every.checked = false;
    await renewAfter(act, ids, page);
    if (reading && ids.includes(reading)) await afterReading(act, page);
    else if (inRow && place >= 0 && GONE.has(act)) focusNear(place);
  } catch {
    refused();
  }
}

async function renewAfter(act, ids, page) {
  document.querySelector(".boxes:not(:popover-open)")?.replaceWith(page.querySelector(".boxes"));
  const fresh = page.querySelector(".list");
  const list = document.querySelector(".list");
  if (fresh.dataset.list !== list.dataset.list || !fresh.querySelector(".rows") !== !list.querySelector(".rows")) {
    list.replaceWith(fresh);
    landmarks();
    document.dispatchEvent(new Event("rows"));
    return;
  }
  if (GONE.has(act)) drop(ids);
  merge(page);
  const deep = stretch();
  if (deep) merge((await fetched(deep)).page);
}

async function afterReading(act, page) {
  if (STAYS_OPEN.has(act)) return openMail(location.href, { push: false });
  const address = document.querySelector(".list").dataset.list;
  history.pushState({}, "", address);
  showMail(page);
}

function focusNear(place) {
  const all = rows();
  all[Math.min(place, all.length - 1)]?.querySelector("a").focus({ preventScroll: true });
}

// Does something with mails from a script: those given, or those chosen.
export function perform(act, more = {}, ids = null) {
  const form = document.querySelector("#chosen");
  if (!form) return;
  const fields = new FormData(form);
  fields.set("act", act);
  for (const [name, value] of Object.entries(more)) fields.set(name, value);
  if (ids) {
    fields.delete("id");
    fields.delete("all");
    for (const id of ids) fields.append("id", id);
  }
  send("/act", fields);
}

document.addEventListener("submit", (event) => {
  const path = new URL(event.target.action, location.href).pathname;
  if (path !== "/act" && path !== "/undo") return;
  event.preventDefault();
  send(path, new FormData(event.target, event.submitter));
});
