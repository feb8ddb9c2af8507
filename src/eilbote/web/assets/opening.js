// A mail that is opened takes the place of the one before, and the list stays as it is: where it is scrolled,
// what is chosen. Back and forward work as with whole pages, which those without scripts get.

import { fetched, refused } from "./page.js";
import { landmarks, open } from "./rows.js";

let asked = null;
let from = 0;

export async function openMail(address, { push = true } = {}) {
  asked?.abort();
  asked = new AbortController();
  try {
    const { ok, page, address: there } = await fetched(address, { signal: asked.signal, headers: { "Eilbote-Opens": "1" } });
    if (!ok || !page.querySelector(".desk")) return location.assign(address);
    if (push) history.pushState({ mail: true }, "", new URL(there).pathname + new URL(there).search);
    showMail(page);
  } catch (error) {
    if (error.name !== "AbortError") refused();
  }
}

// Puts the mail of a page, or that none is open, into this one.
export function showMail(page, { focus = true } = {}) {
  const pane = document.querySelector(".desk > .mail");
  const fresh = page.querySelector(".desk > .mail");
  const desk = document.querySelector(".desk");
  const reads = fresh.matches("main");
  const phone = getComputedStyle(desk).display === "block";
  if (phone && reads && !desk.classList.contains("reads")) from = document.scrollingElement.scrollTop;
  const back = desk.classList.contains("reads") && !reads;
  pane.replaceWith(fresh);
  desk.classList.toggle("reads", reads);
  landmarks();
  document.title = page.title;
  const was = document.querySelector(".row.open");
  open(page.querySelector(".row.open")?.dataset.id ?? fresh.querySelector('input[name="id"]')?.value ?? "");
  if (phone) document.scrollingElement.scrollTop = reads ? 0 : from;
  if (focus && reads) {
    const heading = fresh.querySelector("h1");
    heading.tabIndex = -1;
    heading.focus({ preventScroll: true });
  } else if (focus && back && was) was.querySelector("a").focus({ preventScroll: true });
  document.dispatchEvent(new CustomEvent("mail-shown", { detail: fresh }));
}

document.addEventListener("click", (event) => {
  if (event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  const link = event.target.closest(".row > a, .thread li > a, .thread li > details > p > a, .mail .views a, .mail .back");
  if (!link || link.target || link.hasAttribute("download") || link.pathname.startsWith("/mail/")) return;
  event.preventDefault();
  openMail(link.href);
});

addEventListener("popstate", async () => {
  const list = document.querySelector(".list").dataset.list;
  try {
    const { ok, page } = await fetched(location.href);
    if (!ok || !page.querySelector(".desk")) return location.reload();
    if (page.querySelector(".list").dataset.list === list) return showMail(page);
    document.querySelector(".desk").replaceWith(page.querySelector(".desk"));
    document.title = page.title;
    const field = document.querySelector('[type="search"]');
    field.value = page.querySelector('[type="search"]').value;
    document.dispatchEvent(new Event("rows"));
  } catch {
    refused();
  }
});
