// A form that takes a while says so, and cannot be sent twice from one page.

for (const form of document.querySelectorAll("form[data-busy]")) {
  form.addEventListener("submit", () => {
    const button = form.querySelector("button:not([type=button])");
    button.textContent = form.dataset.busy;
    // Later: a button that is disabled before the form leaves would hold it back in some browsers.
    setTimeout(() => { button.disabled = true; });
  });
}
// Back from the next page, the form can be sent again.
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
