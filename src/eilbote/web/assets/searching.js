// Search as it is typed: the list follows the words, the address follows the list, focus and caret stay. Below
// the field stand what can be asked for, people and mailboxes; arrows choose, Enter or Tab takes, Escape closes.

import { fetched } from "./page.js";
import { showMail } from "./opening.js";
import { landmarks } from "./rows.js";

const PAUSE = 180; // milliseconds without a key before the server is asked
const form = document.querySelector("form.search");
const field = form.querySelector("input");
const offered = JSON.parse(field.dataset.operators);
const list = document.createElement("ul");
let waiting = 0;
let asked = null;
let hints = null;
let at = -1;
let typedOnce = location.pathname.startsWith("/search");

list.id = "search-hints";
list.className = "people";
list.setAttribute("role", "listbox");
list.setAttribute("aria-label", field.dataset.hints);
list.hidden = true;
field.after(list);
field.autocomplete = "off";
for (const [name, value] of [["role", "combobox"], ["aria-autocomplete", "list"], ["aria-expanded", "false"], ["aria-controls", list.id]]) field.setAttribute(name, value);

async function search({ growing = true } = {}) {
  const words = field.value;
  asked?.abort();
  asked = new AbortController();
  const address = `/search?q=${encodeURIComponent(words)}`;
  try {
    const { page } = await fetched(address + (growing ? "&growing=1" : ""), { signal: asked.signal });
    const fresh = page.querySelector(".list");
    if (!fresh || field.value !== words) return;
    // What is typed may become an operator: until then it finds nothing, and what was found stays.
    if (growing && mayGoOn() && !fresh.querySelector(".row")) return;
    if (typedOnce) history.replaceState({}, "", address);
    else history.pushState({}, "", address);
    typedOnce = true;
    const said = fresh.querySelector(".found")?.textContent.trim() ?? "";
    document.querySelector(".list").replaceWith(fresh);
    if (document.querySelector("main.mail")) showMail(page, { focus: false });
    landmarks();
    document.title = page.title;
    document.querySelector(".boxes [aria-current]")?.removeAttribute("aria-current");
    document.dispatchEvent(new Event("rows"));
    // A status that is new is not read aloud; one that changes is.
    const status = fresh.querySelector(".found");
    if (status) {
      status.textContent = "";
      setTimeout(() => (status.textContent = said), 50);
    }
  } catch {
    return; // given up for newer words, or the bar says that the server is gone
  }
}

// The term in which the caret stands: where it begins, its operator and its value.
function term() {
  const before = field.value.slice(0, field.selectionStart);
  const begins = Math.max(before.lastIndexOf(" "), before.lastIndexOf("(")) + 1;
  const text = before.slice(begins).replace(/^-/, "");
  const colon = text.indexOf(":");
  return { begins: before.length - text.length, text, operator: colon < 0 ? "" : text.slice(0, colon + 1).toLowerCase(), value: colon < 0 ? text : text.slice(colon + 1) };
}

function mayGoOn() {
  const { text } = term();
  return text !== "" && offered.words.some(([word]) => word.startsWith(text.toLowerCase()) && word !== text);
}

async function hint() {
  const here = term();
  hints?.abort();
  if (!here.text && field.value) return show([]);
  if (offered.people.includes(here.operator) && here.value.length > 1) {
    hints = new AbortController();
    try {
      const answer = await fetch(`/search-people?q=${encodeURIComponent(here.value)}`, { credentials: "same-origin", signal: hints.signal });
      if (answer.ok) show((await answer.json()).map((one) => ({ text: one.shown, value: here.operator + one.address + " " })));
    } catch {
      show([]);
    }
    return;
  }
  if (offered.mailboxes.includes(here.operator)) {
    const names = [...new Set([...document.querySelectorAll(".boxes li a")].map((link) => link.querySelector("span").textContent.trim()))];
    const found = names.filter((name) => name.toLowerCase().startsWith(here.value.toLowerCase()));
    return show(found.slice(0, 8).map((name) => ({ text: name, value: `${here.operator}${/\s/.test(name) ? `"${name}"` : name} ` })));
  }
  const text = here.text.toLowerCase();
  show(offered.words.filter(([word]) => word.startsWith(text) && word !== text).slice(0, 9).map(([word, meaning]) => ({ text: word, meaning, value: word + (word.endsWith(":") ? "" : " ") })));
}

function show(found) {
  list.replaceChildren(...found.map((one, place) => {
    const option = document.createElement("li");
    option.id = `${list.id}-${place}`;
    option.setAttribute("role", "option");
    option.dataset.value = one.value;
    option.append(one.text);
    if (one.meaning) {
      const small = document.createElement("small");
      small.textContent = one.meaning;
      option.append(" ", small);
    }
    option.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      take(place);
    });
    return option;
  }));
  list.hidden = !found.length || document.activeElement !== field;
  field.setAttribute("aria-expanded", String(!list.hidden));
  choose(-1);
}

function choose(place) {
  at = place;
  [...list.children].forEach((option, each) => option.setAttribute("aria-selected", String(each === at)));
  if (at < 0) field.removeAttribute("aria-activedescendant");
  else field.setAttribute("aria-activedescendant", list.children[at].id);
}

function take(place) {
  const value = list.children[place].dataset.value;
  field.setRangeText(value, term().begins, field.selectionStart, "end");
  field.dispatchEvent(new Event("input"));
}

field.addEventListener("input", () => {
  clearTimeout(waiting);
  hint();
  if (field.value.trim() && !field.value.trim().endsWith(":")) waiting = setTimeout(search, PAUSE);
});
field.addEventListener("focus", hint);
field.addEventListener("blur", () => show([]));
field.addEventListener("keydown", (event) => {
  const count = list.hidden ? 0 : list.children.length;
  if (event.key === "ArrowDown" && count) choose((at + 1) % count);
  else if (event.key === "ArrowUp" && count) choose((at + count * 2 - 1) % count);
  else if ((event.key === "Enter" || (event.key === "Tab" && !event.shiftKey)) && count && at >= 0) take(at);
  else if (event.key === "Escape" && count) show([]);
  else if (event.key === "Enter") {
    clearTimeout(waiting);
    show([]);
    search({ growing: false });
  } else return;
  event.preventDefault();
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  search({ growing: false });
});
