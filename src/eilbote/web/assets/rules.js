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

// A switch or an arrow changes the list in place, and keeps the focus where it was.
async function renew(form, button) {
  const name = form.closest(".rule")?.dataset.name ?? form.elements.name.value;
  const fields = new URLSearchParams();
  for (const [key, value] of new FormData(form, button)) fields.append(key, value);
  try {
    const answer = await fetch(form.action, { method: "POST", body: fields, credentials: "same-origin" });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector(".rules");
    if (!answer.ok || !fresh) return location.assign("/rules");
    document.querySelector(".rules").replaceChildren(...fresh.childNodes);
    document.querySelector("#said").replaceChildren(...page.querySelector("#said").childNodes);
    const rule = [...document.querySelectorAll(".rule")].find((one) => one.dataset.name === name);
    const wanted = button?.name === "way" ? rule?.querySelector(`[name=way][value=${button.value}]:not(:disabled)`) ?? rule?.querySelector("[name=way]:not(:disabled)") : rule?.querySelector("[role=switch]");
    if (button) wanted?.focus();
  } catch {
    location.assign("/rules"); // no connection: the browser says so, and nothing was done
  }
}

document.addEventListener("submit", (event) => {
  const path = new URL(event.target.action, location.href).pathname;
  if (path !== "/rules/move" && path !== "/rules/switch") return;
  event.preventDefault();
  renew(event.target, event.submitter);
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
