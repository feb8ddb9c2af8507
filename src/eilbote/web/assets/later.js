// A day and a time to choose beside the words for when a mail is to leave.

const when = document.querySelector("#when");
const words = document.querySelector('[name="at"]');
const two = (number) => String(number).padStart(2, "0");

when.hidden = false;
when.addEventListener("focus", () => {
  const now = new Date();
  when.min = `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}T${two(now.getHours())}:${two(now.getMinutes())}`;
});
when.addEventListener("change", () => {
  if (!when.value) return;
  words.value = when.value.replace("T", " ");
  words.dispatchEvent(new Event("input", { bubbles: true }));
});
