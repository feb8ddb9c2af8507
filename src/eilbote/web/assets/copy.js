// Copies what stands beside a button, and says so. Without this module the texts are selected by hand.

for (const button of document.querySelectorAll("[data-copy]")) button.hidden = false;
// What is renewed later brings its buttons along.
new MutationObserver(() => {
  for (const button of document.querySelectorAll("[data-copy][hidden]")) button.hidden = false;
}).observe(document.querySelector("main"), { childList: true, subtree: true });

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const text = button.parentElement.querySelector("code, pre");
  try {
    await navigator.clipboard.writeText(text.textContent);
  } catch {
    getSelection().selectAllChildren(text); // no clipboard here: it is selected, to be copied by hand
    return;
  }
  const said = button.textContent;
  button.textContent = button.dataset.copy;
  setTimeout(() => { button.textContent = said; }, 2000);
});
