"use strict";
// What a model or a person wrote reaches the document through textContent and value only.
const $ = (id) => document.getElementById(id);
const token = document.querySelector("meta[name=token]").content;

function speak(language) {
  document.documentElement.lang = language;
  document.documentElement.dataset.language = language;
  localStorage.setItem("language", language);
  for (const button of document.querySelectorAll("[data-to]")) {
    button.setAttribute("aria-pressed", button.dataset.to === language);
  }
  for (const field of document.querySelectorAll("[data-zh]")) field.placeholder = field.dataset[language];
}

async function ask(path, body, signal) {
  const headers = { "X-Token": token };
  if (body) headers["Content-Type"] = "application/json";
  return fetch(path, { method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body), signal });
}

function element(name, kind, text) {
  const made = document.createElement(name);
  made.className = kind;
  made.dir = "auto";
  made.textContent = text;
  return made;
}

for (const button of document.querySelectorAll("[data-to]")) {
  button.addEventListener("click", () => speak(button.dataset.to));
}
speak(localStorage.getItem("language") ?? (navigator.language.startsWith("zh") ? "zh" : "en"));

