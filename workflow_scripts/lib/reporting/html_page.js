// What wants a script: looking for words in the panel. Without one, all of it is shown and no field.
const field = document.querySelector(".search input");
field.closest(".search").hidden = false;
field.addEventListener("input", () => {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const prompt of document.querySelectorAll("#panel .prompt")) {
    const said = prompt.textContent.toLowerCase();
    prompt.hidden = !words.every((word) => said.includes(word));
  }
});
