// A mail that is kept in part is fetched without a further click; that it takes a moment is said.

const form = document.querySelector("#fetching");

form.addEventListener("submit", () => {
  form.querySelector("button").disabled = true;
  document.querySelector("#waits").textContent = form.dataset.waits;
});
if (form.dataset.now) form.requestSubmit();
