// Files come by dropping them on the form, by the chooser, or by pasting a picture; they are uploaded at once,
// and how far that is shows. The names of files are only ever text.

const form = document.querySelector("#write-form");
const chooser = form.querySelector('[type="file"]');
const list = document.querySelector("#files");
const progress = document.querySelector("#progress");
const said = document.querySelector("#upload-said");
const button = document.querySelector("#attach");
let queue = Promise.resolve();

button.hidden = true;
form.classList.add("by-script");

function ask(data) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", "/write/save");
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) progress.value = event.loaded / event.total;
    });
    request.addEventListener("load", () => (request.response ? resolve(request.response) : reject(new Error(String(request.status)))));
    request.addEventListener("error", () => reject(new Error("connection")));
    request.send(data);
  });
}

async function post(what, files) {
  const data = new FormData(form);
  data.delete("file");
  data.set("do", what);
  for (const file of files) data.append("file", file, file.name);
  progress.value = 0;
  progress.hidden = !files.length;
  said.textContent = "";
  try {
    const told = await ask(data);
    if (told.writing) {
      form.elements.namedItem("writing").value = told.writing;
      form.elements.namedItem("version").value = told.version;
      if (location.pathname !== told.path) history.replaceState(null, "", told.path);
    }
    if (told.files !== undefined) {
      const fresh = new DOMParser().parseFromString(told.files, "text/html");
      list.replaceChildren(...fresh.body.childNodes);
    }
    said.textContent = (told.problem ?? []).join(" ");
  } catch {
    said.textContent = form.dataset.uploadFailed;
  } finally {
    progress.hidden = true;
  }
}

function upload(files) {
  if (files.length) queue = queue.then(() => post("attach", files));
}

chooser.addEventListener("change", () => {
  upload([...chooser.files]);
  chooser.value = "";
});

list.addEventListener("click", (event) => {
  const remove = event.target.closest('[name="do"]');
  if (!remove) return;
  event.preventDefault();
  queue = queue.then(() => post(remove.value, [])).then(() => chooser.focus());
});

const holds = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
let inside = 0;
addEventListener("dragenter", (event) => {
  if (!holds(event)) return;
  inside += 1;
  form.classList.add("dropping");
});
addEventListener("dragleave", (event) => {
  if (!holds(event)) return;
  inside -= 1;
  if (inside <= 0) form.classList.remove("dropping");
});
addEventListener("dragover", (event) => { if (holds(event)) event.preventDefault(); });
addEventListener("drop", (event) => {
  if (!holds(event)) return;
  event.preventDefault();
  inside = 0;
  form.classList.remove("dropping");
  upload([...event.dataTransfer.files]);
});

form.addEventListener("paste", (event) => {
  const pictures = [...(event.clipboardData?.files ?? [])];
  if (!pictures.length) return;
  event.preventDefault();
  upload(pictures);
});
