const place = document.getElementById("swagger-ui");
const dark = window.matchMedia("(prefers-color-scheme: dark)");

function setTheme() {
  document.documentElement.classList.toggle("dark-mode", dark.matches);
}

setTheme();
dark.addEventListener("change", setTheme);

window.SwaggerUIBundle({
  url: new URL(place.dataset.specUrl, window.location).href,
  domNode: place,
  deepLinking: true,
  // All operations of dozens of plugins would take a minute to be shown.
  docExpansion: "none",
  defaultModelsExpandDepth: 0,
  presets: [window.SwaggerUIBundle.presets.apis],
  // Otherwise the document is sent to a validator on the internet.
  validatorUrl: null,
});
