// While an address is typed, the people who may be meant are offered below its field: arrows choose, Enter or
// Tab takes, Escape closes (the combobox pattern of WAI-ARIA 1.2).

const PAUSE = 120; // milliseconds without a key before the server is asked

for (const input of document.querySelectorAll("[data-people]")) offerPeople(input);

function offerPeople(input) {
  const list = document.createElement("ul");
  list.id = `people-${input.name}`;
  list.className = "people";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", input.dataset.people);
  list.hidden = true;
  input.after(list);
  for (const [name, value] of [["role", "combobox"], ["aria-autocomplete", "list"], ["aria-expanded", "false"], ["aria-controls", list.id]]) {
    input.setAttribute(name, value);
  }
  let waiting = 0;
  let asked = "";
  let chosen = -1;

  // What is typed of the last address, and where it begins. Separators inside of quotes are none.
  function typed() {
    const before = input.value.match(/^(?:"(?:[^"\\]|\\.)*"|[^",;])*[,;]\s*/);
    let at = 0;
    for (let rest = before; rest; rest = input.value.slice(at).match(/^(?:"(?:[^"\\]|\\.)*"|[^",;])*[,;]\s*/)) at += rest[0].length;
    return [at, input.value.slice(at)];
  }

  function show(people) {
    list.replaceChildren(...people.map((person, at) => {
      const option = document.createElement("li");
      option.id = `${list.id}-${at}`;
      option.setAttribute("role", "option");
      option.textContent = person;
      option.addEventListener("pointerdown", (event) => {
        event.preventDefault();
        take(at);
      });
      return option;
    }));
    list.hidden = !people.length;
    input.setAttribute("aria-expanded", String(!list.hidden));
    choose(people.length ? 0 : -1);
  }

  function choose(at) {
    chosen = at;
    [...list.children].forEach((option, each) => option.setAttribute("aria-selected", String(each === at)));
    if (at < 0) input.removeAttribute("aria-activedescendant");
    else input.setAttribute("aria-activedescendant", list.children[at].id);
  }

  function take(at) {
    const [begins] = typed();
    input.value = `${input.value.slice(0, begins)}${list.children[at].textContent}, `;
    asked = "";
    show([]);
  }

  async function ask() {
    const [, words] = typed();
    if (words.trim().length < 2 || words.includes(">")) return show([]);
    asked = words;
    const answer = await fetch(`/write/people?q=${encodeURIComponent(words)}`, { credentials: "same-origin" });
    if (!answer.ok || answer.redirected) return;
    const people = await answer.json();
    if (asked === words && document.activeElement === input) show(people);
  }

  input.addEventListener("input", () => {
    clearTimeout(waiting);
    asked = "";
    waiting = setTimeout(ask, PAUSE);
  });
  input.addEventListener("blur", () => show([]));
  input.addEventListener("keydown", (event) => {
    if (list.hidden) return;
    const count = list.children.length;
    if (event.key === "ArrowDown") choose((chosen + 1) % count);
    else if (event.key === "ArrowUp") choose((chosen + count - 1) % count);
    else if (event.key === "Enter" || event.key === "Tab") take(chosen);
    else if (event.key === "Escape") show([]);
    else return;
    event.preventDefault();
  });
}
