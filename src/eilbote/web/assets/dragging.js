// Mails are dragged onto a mailbox of their account or onto a label; the keys "v" and "l" do the same.

import { perform } from "./acts.js";
import { word } from "./page.js";
import { chosen } from "./rows.js";

let dragged = [];

function target(event) {
  const link = event.target.closest?.(".boxes a[data-account], .boxes a[data-label]");
  if (!link || !dragged.length || link.getAttribute("aria-current")) return null;
  return link.dataset.label || dragged.every((row) => row.dataset.account === link.dataset.account) ? link : null;
}

document.addEventListener("dragstart", (event) => {
  const row = event.target.closest?.(".row");
  if (!row) return;
  const many = chosen();
  dragged = many.includes(row) ? many : [row];
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", "");
  const sign = document.createElement("div");
  sign.className = "dragged";
  sign.textContent = dragged.length === 1 ? row.querySelector(".what").textContent.trim() : word("mails").replace("#", dragged.length);
  document.body.append(sign);
  event.dataTransfer.setDragImage(sign, -8, -8);
  setTimeout(() => sign.remove());
  const account = dragged[0].dataset.account;
  document.documentElement.classList.add("drags");
  for (const link of document.querySelectorAll(".boxes a[data-account]")) link.classList.toggle("takes", link.dataset.account === account && !link.getAttribute("aria-current"));
});
document.addEventListener("dragover", (event) => {
  const link = target(event);
  for (const marked of document.querySelectorAll(".boxes a.drop")) if (marked !== link) marked.classList.remove("drop");
  if (!link) return;
  event.preventDefault();
  event.dataTransfer.dropEffect = "move";
  link.classList.add("drop");
});
document.addEventListener("drop", (event) => {
  const link = target(event);
  if (!link) return;
  event.preventDefault();
  const ids = dragged.map((row) => row.dataset.id);
  if (link.dataset.label) perform("label", { label: link.dataset.label }, ids);
  else perform("move", { to: link.dataset.name }, ids);
});
document.addEventListener("dragend", () => {
  dragged = [];
  document.documentElement.classList.remove("drags");
  for (const link of document.querySelectorAll(".boxes a")) link.classList.remove("drop", "takes");
});
