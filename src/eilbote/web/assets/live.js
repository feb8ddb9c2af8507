// What is shown renews itself: the server says that something has changed, and this page is asked for again.
// Every element with data-live="name" takes the place of its older self; the rows of a list are put where they
// belong. What is read, chosen or typed stays; what has the same data-version is left as it is.

import { fetched, reached } from "./page.js";
import { landmarks, merge, stretch } from "./rows.js";

let running = false;
let again = false;

async function renew() {
  if (running) {
    again = true;
    return;
  }
  running = true;
  try {
    const { ok, page } = await fetched(location.href);
    if (ok) show(page);
    const deep = document.querySelector(".list .rows") ? stretch() : "";
    if (ok && deep) merge((await fetched(deep)).page);
  } catch {
    again = false; // the bar says that the server is gone; when it is back, all is asked for again
  }
  running = false;
  if (again) {
    again = false;
    renew();
  }
}

export function show(page) {
  for (const old of document.querySelectorAll("[data-live]")) {
    const fresh = page.querySelector(`[data-live="${CSS.escape(old.dataset.live)}"]`);
    if (old.dataset.version && old.dataset.version === fresh?.dataset.version) continue;
    if (!fresh || old.innerHTML === fresh.innerHTML || old.matches(":popover-open, :has(input:focus, textarea:focus, select:focus)")) continue;
    const focused = old.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    old.replaceWith(fresh);
    if (focused) fresh.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
  }
  const list = document.querySelector(".list");
  if (!list) return;
  const fresh = page.querySelector(".list");
  if (!fresh || fresh.dataset.list !== list.dataset.list) return;
  if (!merge(page) && list.querySelector(".rows, .empty") && !list.contains(document.activeElement)) {
    list.replaceWith(fresh);
    landmarks();
  }
}

let source;

function listen() {
  source = new EventSource("/live");
  source.addEventListener("changed", renew);
  source.addEventListener("open", () => reached(true));
  source.addEventListener("error", () => {
    if (source.readyState !== EventSource.OPEN) fetched("/assets", { cache: "no-store" }).catch(() => {});
  });
}

listen();
// Work that ends between the page and the first word of the line would never be told of: it is asked for.
setInterval(() => {
  if (document.querySelector("[data-under-way]")) renew();
}, 2000);
document.addEventListener("reached", renew);
// A page that is put away holds no connection, and has missed something when it comes back.
addEventListener("pagehide", () => source.close());
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  listen();
  renew();
});
