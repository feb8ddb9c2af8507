// The rows of a list, which change while somebody looks at them: fresh ones take the place of old ones, and
// scroll, focus and choice stay.

const list = () => document.querySelector(".list .rows");
export const rows = () => [...document.querySelectorAll(".list .row")];
export const chosen = () => rows().filter((row) => row.querySelector("input")?.checked);

// The order of marks (date.mailbox.uid) in a list: newest date, lowest mailbox, highest number first.
export function before(one, other) {
  const [date, box, uid] = one.split(".").map(Number);
  const [date2, box2, uid2] = other.split(".").map(Number);
  if (date !== date2) return date > date2;
  return box !== box2 ? box < box2 : uid > uid2;
}

// Puts a fresh page of the list where its rows belong. What the old list has in the stretch that the page
// covers is replaced; what lies outside of it stays.
export function merge(fresh) {
  const old = list();
  const now = fresh.querySelector(".list .rows");
  if (!old || !now) return false;
  const start = now.dataset.after;
  const all = [...now.children];
  const last = fresh.querySelector(".list .more") && all.length ? all.at(-1).dataset.at : "";
  const known = new Map([...old.children].map((row) => [row.dataset.id, row]));
  const coming = new Set(all.map((row) => row.dataset.id));
  const held = hold();
  const within = (row) => (!start || before(start, row.dataset.at)) && (!last || row.dataset.at === last || before(row.dataset.at, last));
  for (const row of [...old.children]) if (!coming.has(row.dataset.id) && within(row)) row.remove();
  let next = [...old.children].find((row) => !start || before(start, row.dataset.at)) ?? null;
  for (const row of all) {
    const was = known.get(row.dataset.id);
    if (was && was === next) next = next.nextElementSibling;
    if (was && same(was, row)) {
      if (was.nextElementSibling !== next) old.insertBefore(was, next);
    } else {
      old.insertBefore(taken(row, was), next);
      was?.remove();
    }
  }
  held();
  document.dispatchEvent(new Event("rows"));
  return true;
}

// More rows at the end.
export function extend(fresh) {
  const old = list();
  const known = new Set(rows().map((row) => row.dataset.id));
  for (const row of fresh.querySelectorAll(".list .row")) if (!known.has(row.dataset.id)) old.append(row);
  document.dispatchEvent(new Event("rows"));
}

export function drop(ids) {
  const gone = new Set(ids);
  for (const row of rows()) if (gone.has(row.dataset.id)) row.remove();
}

// The address of the stretch of the list that is looked at, empty where it is the first page's.
export function stretch() {
  const top = document.querySelector(".list").getBoundingClientRect().top;
  const all = rows();
  const first = all.findIndex((row) => row.getBoundingClientRect().bottom > Math.max(top, 0));
  if (first < 40) return "";
  const address = new URL(document.querySelector(".list").dataset.list, location.href);
  address.searchParams.set("after", all[Math.max(first - 10, 0)].dataset.at);
  return address.pathname + address.search;
}

export function open(id) {
  for (const row of rows()) {
    const is = row.dataset.id === id;
    row.classList.toggle("open", is);
    if (is) row.classList.remove("new");
    if (is) row.querySelector("a").setAttribute("aria-current", "true");
    else row.querySelector("a").removeAttribute("aria-current");
  }
}

// The page has one main part: the mail that is read, else the list. As in pages that come whole.
export function landmarks() {
  const list = document.querySelector(".list");
  const reads = document.querySelector(".desk").classList.contains("reads");
  const wanted = reads ? "SECTION" : "MAIN";
  if (list.tagName === wanted) return;
  const at = list.scrollTop;
  const focused = list.contains(document.activeElement) ? document.activeElement : null;
  const fresh = document.createElement(wanted);
  for (const { name, value } of list.attributes) if (name !== "id") fresh.setAttribute(name, value);
  if (!reads) fresh.id = "main";
  fresh.append(...list.childNodes);
  list.replaceWith(fresh);
  fresh.scrollTop = at;
  focused?.focus({ preventScroll: true });
}

const same = (one, other) => one.innerHTML === other.innerHTML && one.className === other.className && one.dataset.at === other.dataset.at;

function taken(row, was) {
  if (!was) return row;
  const tick = row.querySelector("input");
  if (tick && was.querySelector("input")?.checked) tick.checked = true;
  if (was.classList.contains("open")) row.classList.add("open");
  return row;
}

const ANCHORS = CSS.supports("overflow-anchor", "auto"); // the browser itself keeps what is looked at in place

// Remembers what has the focus and where the list is scrolled; the answer puts it back.
function hold() {
  const box = document.querySelector(".list");
  const scrolls = box.scrollHeight > box.clientHeight && getComputedStyle(box).overflowY !== "visible" ? box : document.scrollingElement;
  const top = box.getBoundingClientRect().top;
  const at = !ANCHORS && scrolls.scrollTop > 0 ? rows().find((row) => row.getBoundingClientRect().bottom > Math.max(top, 0)) : null;
  const id = at?.dataset.id;
  const y = at?.getBoundingClientRect().top;
  const active = document.activeElement?.closest(".row");
  const focused = active?.dataset.id;
  const ticked = document.activeElement?.matches("input");
  return () => {
    const row = id && document.querySelector(`.row[data-id="${id}"]`);
    if (row) scrolls.scrollTop += row.getBoundingClientRect().top - y;
    if (focused && !document.activeElement?.closest(".row")) {
      document.querySelector(`.row[data-id="${focused}"] ${ticked ? "input" : "a"}`)?.focus({ preventScroll: true });
    }
  };
}
