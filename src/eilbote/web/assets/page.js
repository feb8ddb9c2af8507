// How our modules ask the server for a page, and what they say when that goes wrong. Knows nothing of mail.

const words = document.querySelector("#words")?.dataset ?? {};
const SLOW = 150; // milliseconds before waiting shows
const AGAIN = 5000; // milliseconds before a lost server is asked for again
let lost = 0;

// The page at an address, read. Throws where no answer came; says so unless the question was given up.
export async function fetched(address, options = {}) {
  const slow = setTimeout(() => document.documentElement.classList.add("waits"), SLOW);
  try {
    const answer = await fetch(address, { credentials: "same-origin", ...options });
    const text = await answer.text();
    reached(true);
    if (answer.redirected && new URL(answer.url).pathname === "/sign-in") location.assign("/sign-in");
    return { ok: answer.ok, address: answer.url, page: new DOMParser().parseFromString(text, "text/html") };
  } catch (error) {
    if (error.name !== "AbortError") reached(false);
    throw error;
  } finally {
    clearTimeout(slow);
    document.documentElement.classList.remove("waits");
  }
}

// Whether the server answers: a bar says so until it does again.
export function reached(yes) {
  const bar = document.querySelector("#offline");
  if (!bar || bar.hidden === yes) return;
  bar.hidden = yes;
  clearInterval(lost);
  if (yes) document.dispatchEvent(new Event("reached"));
  else lost = setInterval(() => fetched("/assets", { cache: "no-store" }).catch(() => {}), AGAIN);
}

// What did not work is said aloud, and goes when something else works.
export function failed(said = words.failed) {
  const place = document.querySelector("#failed");
  const paragraph = document.createElement("p");
  paragraph.className = "told";
  paragraph.textContent = said;
  place?.replaceChildren(paragraph);
  setTimeout(() => paragraph.remove(), 12000);
}

export const refused = () => failed(words.refused);
export const word = (name) => words[name] ?? "";

// The reason that a page of ours gives.
export function reason(page) {
  return [...page.querySelectorAll(".told p")].map((one) => one.textContent.trim()).join(" ") || page.body.textContent.trim().slice(0, 200);
}

addEventListener("offline", () => reached(false));
addEventListener("online", () => fetched("/assets", { cache: "no-store" }).catch(() => {}));
