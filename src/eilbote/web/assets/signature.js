// The signature that is shown is that of the chosen identity, and none where the mail goes without.

const sender = document.querySelector('[name="sender"]');
const sign = document.querySelector('[type="checkbox"][name="sign"]');

function show() {
  for (const one of document.querySelectorAll(".signature")) {
    one.hidden = one.dataset.of !== sender.value || (sign && !sign.checked);
  }
}

sender.addEventListener("change", show);
sign?.addEventListener("change", show);
show();
