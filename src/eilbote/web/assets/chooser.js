// A small window in which a mailbox or a label is found by typing and taken with Enter (the combobox pattern
// of WAI-ARIA 1.2). It opens for the chosen mails, else for the one that is open or has the focus.

import { perform } from "./acts.js";
import { word } from "./page.js";
import { chosen } from "./rows.js";

export function meant() {
  const many = chosen();
  if (many.length) return many;
  const row = document.activeElement?.closest(".row") ?? document.querySelector(".row.open");
  return row ? [row] : [];
}

const fold = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

export function chooseMailbox() {
  const mails = meant();
  if (!mails.length) return;
  const account = mails[0].dataset.account;
  const links = [...document.querySelectorAll(`.boxes a[data-account="${account}"]`)];
  const here = document.querySelector(".boxes [aria-current]")?.dataset.name;
  const offered = links
    .filter((link) => link.dataset.name !== here)
    .map((link) => ({ text: link.dataset.role === "inbox" ? word("inbox") : link.dataset.name, value: link.dataset.name }));
  ask(word("move"), offered, (value) => act("move", { to: value }, mails));
}

export function chooseLabel() {
  const mails = meant();
  if (!mails.length) return;
  const offered = [...document.querySelectorAll(".boxes a[data-label]")].map((link) => ({ text: link.querySelector("span").textContent, value: link.dataset.label }));
  ask(word("label"), offered, (value) => act("label", { label: value }, mails), word("create"));
}

function act(name, more, mails) {
  if (document.querySelector('#chosen [name="all"]')?.checked) perform(name, more);
  else perform(name, more, mails.map((row) => row.dataset.id));
}

function ask(title, offered, take, create = "") {
  const back = document.activeElement;
  const dialog = document.createElement("dialog");
  dialog.className = "chooser";
  dialog.setAttribute("aria-label", title);
  const field = document.createElement("input");
  field.type = "text";
  field.maxLength = 50;
  field.placeholder = word("type");
  for (const [name, value] of [["role", "combobox"], ["aria-label", title], ["aria-autocomplete", "list"], ["aria-expanded", "true"], ["aria-controls", "chooser-list"], ["autocomplete", "off"]]) {
    field.setAttribute(name, value);
  }
  const list = document.createElement("ul");
  list.id = "chooser-list";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", title);
  const none = document.createElement("p");
  none.className = "hint";
  none.setAttribute("role", "status");
  dialog.append(field, list, none);
  document.body.append(dialog);
  let at = 0;

  function show() {
    const typed = fold(field.value.trim());
    const found = offered.filter((one) => fold(one.text).includes(typed)).slice(0, 50);
    if (create && typed && !offered.some((one) => fold(one.text) === typed)) {
      found.push({ text: create.replace("#", field.value.trim()), value: field.value.trim() });
    }
    list.replaceChildren(...found.map((one, place) => {
      const option = document.createElement("li");
      option.id = `chooser-${place}`;
      option.setAttribute("role", "option");
      option.textContent = one.text;
      option.dataset.value = one.value;
      option.addEventListener("click", () => done(one.value));
      return option;
    }));
    none.textContent = found.length ? "" : word("nothing");
    choose(0);
  }

  function choose(place) {
    const options = [...list.children];
    at = options.length ? (place + options.length) % options.length : 0;
    options.forEach((option, each) => option.setAttribute("aria-selected", String(each === at)));
    if (options[at]) {
      field.setAttribute("aria-activedescendant", options[at].id);
      options[at].scrollIntoView({ block: "nearest" });
    } else field.removeAttribute("aria-activedescendant");
  }

  function done(value) {
    dialog.close();
    take(value);
  }

  field.addEventListener("input", show);
  dialog.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "ArrowDown") choose(at + 1);
    else if (event.key === "ArrowUp") choose(at - 1);
    else if (event.key === "Enter" && list.children[at]) done(list.children[at].dataset.value);
    else return;
    event.preventDefault();
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (back?.isConnected) back.focus({ preventScroll: true });
  });
  show();
  dialog.showModal();
}

// With this module the bar of chosen mails has two buttons in place of its fields.
document.documentElement.classList.add("scripted");
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-choose]");
  if (button?.dataset.choose === "move") chooseMailbox();
  else if (button) chooseLabel();
});
