// Rules are dragged to their place; the arrows beside each do the same.

let dragged = null;

function place(event) {
  const rule = event.target.closest?.(".rule");
  if (!dragged || !rule || rule === dragged) return null;
  const box = rule.getBoundingClientRect();
  return { rule, after: event.clientY > box.top + box.height / 2 };
}

function unmark() {
  for (const one of document.querySelectorAll(".rule.before, .rule.after")) one.classList.remove("before", "after");
}

document.addEventListener("dragstart", (event) => {
  dragged = event.target.closest?.('.rule[draggable="true"]') ?? null;
  if (!dragged) return;
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", "");
  setTimeout(() => dragged?.classList.add("dragged-rule"));
});
document.addEventListener("dragover", (event) => {
  const at = place(event);
  unmark();
  if (!at) return;
  event.preventDefault();
  at.rule.classList.add(at.after ? "after" : "before");
});
document.addEventListener("drop", (event) => {
  const at = place(event);
  if (!at) return;
  event.preventDefault();
  const others = [...document.querySelectorAll(".rule")].filter((one) => one !== dragged);
  const next = at.after ? others[others.indexOf(at.rule) + 1] : at.rule;
  const form = document.querySelector("#order");
  form.elements.name.value = dragged.dataset.name;
  form.elements.before.value = next?.dataset.name ?? "";
  form.requestSubmit();
});
document.addEventListener("dragend", () => {
  dragged?.classList.remove("dragged-rule");
  dragged = null;
  unmark();
});

// One menu at a time; a click elsewhere or Escape closes it.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll(".more-acts[open]")) if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  const menu = document.querySelector(".more-acts[open]");
  if (event.key !== "Escape" || !menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});
