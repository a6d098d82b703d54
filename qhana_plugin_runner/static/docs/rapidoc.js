const viewer = document.querySelector("rapi-doc");
const dark = window.matchMedia("(prefers-color-scheme: dark)");

// RapiDoc's own color-scheme="system" leaves light text on a light ground.
function setColors() {
  viewer.setAttribute("color-scheme", dark.matches ? "dark" : "light");
}

setColors();
dark.addEventListener("change", setColors);
viewer.setAttribute("spec-url", new URL(viewer.dataset.specUrl, window.location).href);
