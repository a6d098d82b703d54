// Keeps a page current.
//
// The page itself is asked for again, as the server is the only one who renders it; those regions
// (`data-live`, with an id) whose HTML is another than before are replaced, so that a half-filled
// form and the place where somebody reads stay as they are. `data-follow` on the page's main
// element tells how:
//
//   wait  the server holds its answer back until there is something new ("Prefer: wait"), and
//         answers within milliseconds of it
//   poll  the server is asked every second
//
// A page in the background asks for nothing.

const WAIT_SECONDS = 25;

// Milliseconds from one request to the next, but for the first, whose answer only tells the ETag:
// however fast a task changes, a page costs the server one request a second.
const PAUSE = 1000;

// The pause doubles after each request without an answer, up to this.
const MAX_PAUSE = 15_000;

/** Follow the page, if it wants to be; `start` is called with each region that was replaced. */
export function startFollowing(start) {
  const main = document.querySelector("main[data-follow]");
  if (main) new Follower(start).follow(main.dataset.follow);
}

class Follower {
  #start;
  #etag = null;
  #shown = new Map();
  #offline = document.getElementById("offline");

  constructor(start) {
    this.#start = start;
    for (const region of document.querySelectorAll("[data-live]")) {
      this.#shown.set(region.id, region.innerHTML);
    }
  }

  async follow(way) {
    let pause = PAUSE;
    while (way) {
      await visible();
      const began = performance.now();
      const isFirst = this.#etag === null;
      const answer = await this.#ask(way);
      this.#offline.hidden = answer !== null;
      if (answer === null) {
        pause = Math.min(2 * (pause || PAUSE), MAX_PAUSE);
      } else {
        pause = isFirst ? 0 : PAUSE;
        if (answer.status === 200) way = this.#update(await answer.text());
        else if (answer.status === 404) return; // it was deleted
      }
      await passed(Math.max(0, began + pause - performance.now()));
    }
  }

  /** Return the answer of the server; null when there is none, or none to work with. */
  async #ask(way) {
    const headers = { Accept: "text/html" };
    if (this.#etag) {
      headers["If-None-Match"] = this.#etag;
      if (way === "wait") headers.Prefer = `wait=${WAIT_SECONDS}`;
    }
    try {
      const response = await fetch(location.href, { headers, cache: "no-store" });
      if (![200, 304, 404].includes(response.status)) return null;
      this.#etag = response.headers.get("ETag");
      return response;
    } catch {
      return null; // the server is away; the page says so, and asks again
    }
  }

  /** Replace what has changed; return how to follow the page from now on. */
  #update(html) {
    const next = new DOMParser().parseFromString(html, "text/html");
    document.title = next.title;
    for (const region of next.querySelectorAll("[data-live]")) {
      const shown = document.getElementById(region.id);
      if (!shown || this.#shown.get(region.id) === region.innerHTML) continue;
      this.#shown.set(region.id, region.innerHTML);
      keepingPlace(shown, () => shown.replaceChildren(...region.childNodes));
      this.#start(shown);
    }
    return next.querySelector("main")?.dataset.follow;
  }
}

/** Change a region; keep the focus, what is unfolded, and the end of a log in view when it was. */
function keepingPlace(region, change) {
  const focused = region.contains(document.activeElement) ? document.activeElement.id : "";
  const scrolled = [...region.querySelectorAll("[data-stick]")].map((each) => ({
    id: each.id,
    top: each.scrollTop,
    isAtEnd: each.scrollTop + each.clientHeight >= each.scrollHeight - 4,
  }));
  const unfolded = [...region.querySelectorAll("details[open]")].map((each) => each.id);
  change();
  for (const id of unfolded) document.getElementById(id)?.setAttribute("open", "");
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  for (const { id, top, isAtEnd } of scrolled) {
    const element = document.getElementById(id);
    if (element) element.scrollTop = isAtEnd ? element.scrollHeight : top;
  }
}

function visible() {
  if (!document.hidden) return null;
  return new Promise((resolve) => {
    document.addEventListener("visibilitychange", resolve, { once: true });
  });
}

function passed(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
