// What became of a mail that has just been sent is said without a reload by hand: the page is asked again when
// its seconds are over, a few times.

const state = document.querySelector("#state");
const seconds = Number(state.dataset.seconds);
const asked = Number(sessionStorage.getItem(location.pathname) ?? 0);

if (!seconds) {
  sessionStorage.removeItem(location.pathname);
} else if (asked < 10) {
  setTimeout(() => {
    sessionStorage.setItem(location.pathname, String(asked + 1));
    location.reload();
  }, seconds * 1000);
}
