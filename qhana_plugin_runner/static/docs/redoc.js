const place = document.getElementById("redoc");
const { init } = await import(new URL(place.dataset.libraryUrl, window.location).href);

// Redoc reports each visit to its maker unless it is told not to.
init(
  new URL(place.dataset.specUrl, window.location).href,
  { disableTelemetry: true },
  place,
);
