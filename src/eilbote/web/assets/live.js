// New mail appears without a reload: the server says that something has changed, and the lists of this page
// are asked for again. What is being read, chosen or typed stays.

const parts = [".boxes", ".rows"];

async function renew() {
  if (document.querySelector(".row input:checked")) return;
  const answer = await fetch(location.href, { credentials: "same-origin" });
  if (!answer.ok || answer.redirected) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const focused = document.activeElement?.closest(".row a")?.getAttribute("href");
  if (!document.querySelector(".rows") !== !fresh.querySelector(".rows")) {
    document.querySelector(".list").replaceWith(fresh.querySelector(".list"));
  }
  for (const part of parts) {
    const old = document.querySelector(part);
    const now = fresh.querySelector(part);
    if (old && now && old.innerHTML !== now.innerHTML) old.replaceWith(now);
  }
  if (focused) document.querySelector(`.row a[href="${CSS.escape(focused)}"]`)?.focus();
}

let source = new EventSource("/live");
source.addEventListener("changed", renew);
// A page that is put away holds no connection, and has missed something when it comes back.
addEventListener("pagehide", () => source.close());
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  source = new EventSource("/live");
  source.addEventListener("changed", renew);
  renew();
});
