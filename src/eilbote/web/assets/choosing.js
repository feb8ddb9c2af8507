// Choosing many mails: a range with Shift, all that are shown with one box, and how many are chosen.

import { chosen, rows } from "./rows.js";

let last = "";

// Rows of accounts that the user may only read have no box.
function tick(row, on) {
  const box = row.querySelector("input");
  if (box) box.checked = on;
}

export function chooseUpTo(row, on = true) {
  const all = rows();
  const from = all.findIndex((one) => one.dataset.id === last);
  const to = all.indexOf(row);
  const [low, high] = from < 0 ? [to, to] : [Math.min(from, to), Math.max(from, to)];
  for (const one of all.slice(low, high + 1)) tick(one, on);
  last = row.dataset.id;
  count();
}

export function choose(row, on) {
  tick(row, on);
  last = row.dataset.id;
  count();
}

export function chooseAll(on) {
  for (const row of rows()) tick(row, on);
  count();
}

function count() {
  const output = document.querySelector("#chosen .count");
  if (!output) return;
  const many = chosen().length;
  const all = document.querySelector('#chosen [name="all"]').checked;
  const text = all ? output.dataset.all : many === 1 ? output.dataset.one : many ? output.dataset.many.replace("#", many.toLocaleString(document.documentElement.lang)) : "";
  if (output.textContent !== text) output.textContent = text;
  const every = document.querySelector("#every");
  if (every) {
    every.parentElement.hidden = false;
    every.checked = many > 0 && many === rows().length;
    every.indeterminate = many > 0 && !every.checked;
  }
}

document.addEventListener("click", (event) => {
  const box = event.target.closest(".row > input");
  if (box && event.shiftKey) chooseUpTo(box.closest(".row"), box.checked);
  else if (box) choose(box.closest(".row"), box.checked);
  if (event.target.id === "every") chooseAll(event.target.checked);
});
document.addEventListener("change", (event) => {
  if (event.target.matches('#chosen [name="all"]')) {
    if (event.target.checked) chooseAll(true);
    count();
  }
});
document.addEventListener("rows", count);
count();
