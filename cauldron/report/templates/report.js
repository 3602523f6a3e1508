"use strict";
const form = document.querySelector("form.find");
const shelves = [...document.querySelectorAll("#gallery .shelf")];

function filter() {
  const words = form.elements.text.value.toLowerCase();
  const source = form.elements.source.value, reason = form.elements.reason.value;
  let shown = 0;
  for (const shelf of shelves) {
    let left = 0;
    for (const sample of shelf.querySelectorAll(".sample")) {
      const own = sample.dataset.reason || "-";
      const fits = (!reason || own === reason) && (!source || shelf.dataset.source === source)
        && (!words || sample.textContent.toLowerCase().includes(words));
      sample.hidden = !fits;
      left += fits;
    }
    shelf.hidden = !left;
    shown += left;
  }
  form.querySelector("output").textContent = shown + (shown === 1 ? " sample" : " samples");
}

if (form) {
  form.hidden = false;
  form.addEventListener("input", filter);
  form.addEventListener("submit", event => event.preventDefault());
  filter();
}
