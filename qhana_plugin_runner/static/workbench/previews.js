// Previews of files: in the page, where `data-file` is the URL of the fragment that shows one or is
// empty when that is there already; and in a dialog, which `data-preview` on a button and the event
// `preview-request` open, with the URL of a file.

import { FragmentDialog } from "./dialogs.js";
import { startHosts } from "./host.js";
import { send, workbenchUrl } from "./server.js";

// Pages of plugins may do all that a view of data needs, but not lead the page around them away.
const VIEW_RIGHTS = "allow-scripts allow-same-origin allow-forms allow-downloads allow-popups";

// Begin to load before a preview is in sight.
const AHEAD = "300px";

/** Let the previews of a part of the page work; without this script they are links. */
export function startPreviews(part) {
  for (const button of part.querySelectorAll("button[data-preview]")) {
    button.hidden = false;
    button.addEventListener("click", () => openPreview(button.dataset.preview));
  }
  for (const place of part.querySelectorAll("[data-file]")) {
    if (place.dataset.file) whenNear(place, () => fill(place));
    else startViews(place);
  }
}

document.addEventListener("preview-request", (event) => openPreview(event.detail.url));

/** Show a file as well as the runner can; plugins that draw it are offered beside. */
function openPreview(url) {
  const dialog = new FragmentDialog("preview-dialog");
  return dialog.open(workbenchUrl("preview", { url }), startViews);
}

/** Call a function once, when a place comes near what is in sight. */
function whenNear(place, start) {
  const observer = new IntersectionObserver(
    (entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      observer.disconnect();
      start();
    },
    { rootMargin: AHEAD },
  );
  observer.observe(place);
}

async function fill(place) {
  place.setAttribute("aria-busy", "true");
  try {
    const response = await send(place.dataset.file, { headers: { Accept: "text/html" } });
    const parsed = new DOMParser().parseFromString(await response.text(), "text/html");
    place.replaceChildren(...parsed.body.childNodes);
    startViews(place);
  } catch {
    // The link to the file's own page stays; that page says what is wrong.
  } finally {
    place.removeAttribute("aria-busy");
  }
}

/** Let the links to plugins that draw a file open these in place of the preview. */
function startViews(place) {
  for (const link of place.querySelectorAll("a.visualise")) {
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return; // a new tab
      event.preventDefault();
      show(place, link);
    });
    if ("first" in link.dataset) show(place, link);
  }
  place.querySelector("[data-builtin]")?.addEventListener("click", () => show(place, null));
}

/** Show a file with a plugin; without a link, as the runner itself does. */
function show(place, link) {
  const content = place.querySelector(".preview-content");
  place.querySelector("iframe.micro-frontend")?.remove();
  for (const each of place.querySelectorAll("a.visualise")) {
    each.ariaCurrent = each === link ? "true" : null; // an empty one means "false"
  }
  place.querySelector("[data-builtin]").hidden = link === null;
  content.hidden = link !== null;
  if (link === null) return;
  const frame = document.createElement("iframe");
  frame.className = "micro-frontend";
  frame.title = link.dataset.title;
  frame.setAttribute("aria-busy", "true");
  frame.setAttribute("sandbox", VIEW_RIGHTS);
  frame.dataset.src = link.dataset.uiUrl;
  frame.dataset.location = "data-preview";
  content.after(frame);
  startHosts(place);
}
