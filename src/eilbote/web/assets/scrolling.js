// Older mail comes as the list is scrolled to its end; the link to it stays for those without scripts. Rows
// that are out of sight are not laid out (content-visibility), so that thousands of them cost nothing.

import { fetched } from "./page.js";
import { extend } from "./rows.js";

let running = false;

async function more(link) {
  if (running) return;
  running = true;
  try {
    const { ok, page } = await fetched(`${link.href}&many=1`);
    if (!ok || !link.isConnected) return;
    extend(page);
    const next = page.querySelector(".list .more");
    if (next) link.closest(".more").replaceWith(next);
    else link.closest(".more").remove();
  } catch {
    return; // the bar says it; the link is still there
  } finally {
    running = false;
    watch();
  }
}

const seen = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) if (entry.isIntersecting) more(entry.target.querySelector("a"));
  },
  { rootMargin: "800px" },
);

function watch() {
  seen.disconnect();
  const next = document.querySelector(".list .more");
  if (next) seen.observe(next);
}

document.addEventListener("rows", watch);
document.addEventListener("reached", watch);
document.addEventListener("click", (event) => {
  const link = event.target.closest(".list .more a");
  if (!link) return;
  event.preventDefault();
  more(link);
});
watch();
