"use strict";
const key = document.body.dataset.key;

async function toggle(button) {
  const on = button.getAttribute("aria-pressed") !== "true";
  const body = new URLSearchParams({key, list: button.dataset.list, id: button.dataset.id, on: on ? "1" : "0"});
  const answer = await fetch("/mark", {method: "POST", body});
  if (!answer.ok) return;
  const holder = button.closest(".card, main");
  for (const other of holder.querySelectorAll(".mark")) {
    const pressed = on && other === button;
    other.setAttribute("aria-pressed", String(pressed));
    holder.classList.toggle("marked-" + other.dataset.list, pressed);
  }
}

for (const button of document.querySelectorAll(".mark")) {
  button.addEventListener("click", () => toggle(button));
}

for (const filters of document.querySelectorAll(".filters")) filters.open = innerWidth > 820;

for (const form of document.querySelectorAll("form.query")) {
  form.addEventListener("submit", () => {
    for (const field of form.elements) if (!field.value) field.disabled = true;
  });
  window.addEventListener("pageshow", () => {
    for (const field of form.elements) field.disabled = false;
  });
}

const cards = [...document.querySelectorAll(".card")];
let at = -1;
document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
  const mark = list => (cards[at] || document).querySelector(".mark." + list)?.click();
  if (event.key === "j" || event.key === "k") {
    at = Math.min(Math.max(at + (event.key === "j" ? 1 : -1), 0), cards.length - 1);
    cards[at]?.focus();
    cards[at]?.scrollIntoView({block: "nearest"});
  } else if (event.key === "Enter" && cards[at] && event.target === cards[at]) {
    cards[at].querySelector("a").click();
  } else if (event.key === "b") mark("block");
  else if (event.key === "a") mark("allow");
  else if (event.key === "/") {
    document.querySelector("input[name=text]")?.focus();
    event.preventDefault();
  }
});
