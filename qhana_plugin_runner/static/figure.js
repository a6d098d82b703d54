/**
 * Draws the figures of a page with plotly.js, in the colors of the page.
 *
 * A figure is an element `.qhana-figure`, followed by a script element with its JSON: `{data, layout,
 * ids}` (`ids`: for each trace the IDs of its points, where points can be selected).
 */
(() => {
  "use strict";

  /** Nothing is sent to the makers of plotly.js, whatever button people press. */
  const CONFIG = {
    displaylogo: false,
    modeBarButtonsToRemove: ["sendChartToCloud"],
    plotlyServerURL: "",
    responsive: true,
    showSendToCloud: false,
  };

  /** In the language of the page; in a file without one, English. */
  const TEXTS = {
    failed: "The figure cannot be drawn.",
    noWebgl: "This browser can't draw in 3D: WebGL is turned off.",
    selected: "selected",
    ...JSON.parse(document.currentScript?.dataset.texts ?? "{}"),
  };

  /** What draws points by WebGL -> what draws them without. */
  const WITHOUT_WEBGL = { scattergl: "scatter" };

  function hasWebgl() {
    try {
      return Boolean(document.createElement("canvas").getContext("webgl"));
    } catch {
      return false;
    }
  }

  /** The axes of a layout, each at least with the names that plotly.js gives the first ones. */
  function axesOf(layout) {
    const own = Object.keys(layout).filter((key) => /^[xy]axis\d*$/.test(key));
    return [...new Set(["xaxis", "yaxis", ...own])];
  }

  /** The colors of the page, which has those of the host, or of the user's scheme. */
  function withColors(layout) {
    const { color, backgroundColor, fontFamily } = getComputedStyle(document.body);
    const faint = (alpha) => `rgba(${color.match(/[\d.]+/g).slice(0, 3)}, ${alpha})`;
    const line = faint(0.16);
    const isClear = /^(transparent|rgba\(.*, 0\))$/.test(backgroundColor);
    const behind = isClear ? "rgba(0, 0, 0, 0)" : backgroundColor;
    const axis = { gridcolor: line, zerolinecolor: line, linecolor: line, automargin: true };
    const colored = {
      margin: { t: 24, r: 16, b: 48, l: 56 },
      hoverlabel: { align: "left", namelength: -1 },
      ...layout,
      paper_bgcolor: behind,
      plot_bgcolor: behind,
      font: { color, family: fontFamily, size: 13 },
      modebar: { bgcolor: "rgba(0, 0, 0, 0)", color: faint(0.6), activecolor: color },
    };
    for (const name of axesOf(layout)) {
      colored[name] = { ...axis, ...layout[name] };
    }
    if (layout.scene) {
      colored.scene = { ...layout.scene };
      for (const name of ["xaxis", "yaxis", "zaxis"]) {
        const inSpace = { ...axis, gridcolor: faint(0.5), showbackground: false };
        colored.scene[name] = { ...inSpace, ...layout.scene[name] };
      }
    }
    return colored;
  }

  function say(box, text) {
    const line = document.createElement("p");
    line.className = "qhana-figure-failed";
    line.setAttribute("role", "alert");
    line.textContent = text;
    box.replaceChildren(line);
  }

  async function draw(box) {
    const { data, layout, ids } = JSON.parse(box.nextElementSibling.textContent);
    const isWebgl = hasWebgl();
    if (!isWebgl && data.some((trace) => /3d|surface/.test(trace.type))) {
      say(box, TEXTS.noWebgl);
      return;
    }
    for (const trace of data) {
      trace.type = isWebgl ? trace.type : WITHOUT_WEBGL[trace.type] ?? trace.type;
    }
    box.replaceChildren();
    await Plotly.newPlot(box, data, withColors(layout), CONFIG);
    const recolor = () => Plotly.relayout(box, withColors(layout));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolor);
    // Style sheets of the host come late; "load" does not bubble.
    document.head.addEventListener("load", recolor, { capture: true });
    if (ids.length) {
      letSelect(box, ids);
    }
  }

  /** Let the form send the IDs of the points that are selected. */
  function letSelect(box, ids) {
    const place = document.querySelector(".qhana-selection");
    const button = place?.querySelector("[data-selects]");
    const input = document.getElementById(button?.dataset.selects);
    if (!input) {
      return; // a file, which has no form
    }
    let selected = [];
    const show = (points) => {
      selected = [...new Set(points.map((point) => ids[point.curveNumber][point.pointNumber]))];
      place.querySelector("[role=status]").textContent = `${selected.length} ${TEXTS.selected}`;
      place.hidden = selected.length === 0;
    };
    box.on("plotly_selected", (event) => show(event?.points ?? []));
    box.on("plotly_deselect", () => show([]));
    input.form.addEventListener(
      "submit",
      (event) => (input.value = event.submitter === button ? JSON.stringify(selected) : ""),
      { capture: true }
    );
  }

  for (const box of document.querySelectorAll(".qhana-figure")) {
    draw(box).catch((error) => {
      window.reportError(error);
      say(box, TEXTS.failed);
    });
  }
})();
