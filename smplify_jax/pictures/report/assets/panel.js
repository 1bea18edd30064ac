"use strict";
// The numbers beside the bodies. Texts from files are set as text, never as HTML.
(() => {
  function element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name === "class") made.className = value;
      else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else if (value !== false && value !== null) made.setAttribute(name, value === true ? "" : value);
    }
    made.append(...children.filter((child) => child !== null));
    return made;
  }

  const words = (name) => name.replaceAll("_", " ");
  const number = (value, digits, unit = "") => (Number.isFinite(value) ? value.toFixed(digits) + unit : "–");

  // A table of names, numbers and bars. Rows: [name, value, text, is far].
  function bars(head, rows, caption) {
    const largest = Math.max(...rows.map(([, value]) => (Number.isFinite(value) ? value : 0)), 1e-12);
    return element("table", { "aria-label": caption },
      element("thead", {}, element("tr", {}, ...head.map((name, k) => element("th", { scope: "col", class: k === 1 ? "number" : "" }, name)))),
      element("tbody", {}, ...rows.map(([name, value, text, isFar]) => {
        const bar = element("i", { class: isFar ? "far" : "" });
        bar.style.width = `${Number.isFinite(value) ? (100 * Math.max(value, 0)) / largest : 0}%`;
        return element("tr", {}, element("td", {}, name), element("td", { class: "number" }, text), element("td", { class: "bar", "aria-hidden": "true" }, bar));
      })));
  }

  const section = (title, content, isOpen) => element("details", { open: isOpen }, element("summary", {}, title), content);

  // The energies at the end of each round: a row for each term that is used, and one for their sum.
  function roundTable(person, frame) {
    const numRounds = person.numRounds;
    const rows = person.roundCosts.map(([name, values]) => [words(name), Array.from(values.subarray(frame * numRounds, (frame + 1) * numRounds))])
      .filter(([, values]) => values.some((value) => Number.isFinite(value) && value !== 0));
    const sums = Array.from({ length: numRounds }, (_, round) => rows.reduce((sum, [, values]) => sum + values[round], 0));
    return element("div", { class: "wide" }, element("table", { "aria-label": "Cost by round" },
      element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "term"),
        ...sums.map((_, round) => element("th", { scope: "col", class: "number" }, `round ${round + 1}`)))),
      element("tbody", {}, ...[...rows, ["sum", sums]].map(([name, values]) => element("tr", {}, element("td", {}, name),
        ...values.map((value) => element("td", { class: "number" }, number(value, 1))))))));
  }

  const far = (error, height) => Number.isFinite(height) && error > 0.1 * height;

  function errorRows(person, frame, camera, numCameras) {
    if (person.pointErrors)
      return person.keypointNames.map((name, k) => {
        const error = person.pointErrors[frame * person.numKeypoints + k];
        return [words(name), error, number(1000 * error, 1, " mm"), error > 0.1];
      });
    return person.keypoints(frame, camera, numCameras).map(({ name, error }) => {
      const share = (100 * error) / person.heights[frame];
      const text = number(error, 1, " px") + (Number.isFinite(share) ? ` · ${share.toFixed(1)} %` : "");
      return [words(name), error, text, far(error, person.heights[frame])];
    });
  }

  function uncertaintyRows(person, frame) {
    return person.mesh.jointNames.map((name, joint) => {
      const at = 3 * (frame * person.mesh.jointNames.length + joint);
      const [x, y, z] = [0, 1, 2].map((axis) => 1000 * person.jointsStd[at + axis]);
      return [words(name), Math.hypot(x, y, z), `${number(Math.hypot(x, y), 0)} · ${number(z, 0)} mm`, Math.hypot(x, y, z) > 150];
    });
  }

  // The details of one person in one frame; which sections are open stays as it was.
  function showDetails(into, person, frame, camera, numCameras, isMotion) {
    const open = Array.from(into.querySelectorAll("details"), (one) => one.open);
    const error = person.medianError(frame, numCameras);
    const isPoints = Boolean(person.pointErrors);
    const figures = [
      [number(person.quality[frame], 2), "quality: probability of a good fit"],
      [isPoints ? number(1000 * error, 1, " mm") : number(error, 1, " px"), "median error of the keypoints"],
      [isPoints ? "" : number((100 * error) / person.heights[frame], 1, " %"), "of the person's height"],
      [number(person.costs.reduce((sum, [, values]) => sum + (Number.isFinite(values[frame]) ? values[frame] : 0), 0), 1), "cost"],
    ].filter(([text]) => text && text !== "–");
    const warnings = person.isGood[frame] ? person.warnings : [person.statuses[frame], ...person.warnings.filter((one) => one !== person.statuses[frame])];
    into.replaceChildren(
      element("h2", {}, person.name),
      element("p", { class: "soft" }, `${isMotion ? "This frame: " : ""}${person.statuses[frame]}`),
      warnings.length ? element("ul", { class: "warnings", "aria-label": "Warnings" }, ...warnings.map((text) => element("li", {}, text))) : "",
      element("div", { class: "figures" }, ...figures.map(([text, about]) => element("div", {}, element("b", {}, text), element("span", {}, about)))),
      section(isPoints ? "Error by point" : "Error by keypoint",
        bars(["keypoint", isPoints ? "distance" : "px · % of height", ""], errorRows(person, frame, camera, numCameras), "Errors"), open[0] ?? true),
      section("Uncertainty by joint",
        bars(["joint", "across · in depth", ""], uncertaintyRows(person, frame), "Standard deviations of joints"), open[1] ?? true),
      section("Cost by term",
        bars(["term", "energy", ""], person.costs.map(([name, values]) => [words(name), values[frame], number(values[frame], 2), false]), "Cost by term"), open[2] ?? true),
      person.numRounds ? section("Cost by round, each with its own weights", roundTable(person, frame), open[3] ?? false) : "",
    );
  }

  function showPeople(into, people, chosen, onChoose, onShow) {
    into.replaceChildren(...people.map((person, k) => {
      const swatch = element("span", { class: "swatch" });
      swatch.style.background = `rgb(${person.color.join(" ")})`;
      const box = element("input", { type: "checkbox", checked: true, "aria-label": `Show ${person.name}`, onchange: (event) => onShow(k, event.target.checked) });
      return element("div", { class: "person" }, people.length > 1 ? box : null,
        element("button", { type: "button", "aria-pressed": String(k === chosen), onclick: () => onChoose(k) }, swatch, person.name));
    }));
  }

  // The error of a person over time, and the frames that were not fitted, or not well.
  function showStrip(svg, person, numFrames, numCameras) {
    const errors = Array.from({ length: numFrames }, (_, frame) => (person.isGood[frame] ? person.medianError(frame, numCameras) : NaN));
    const largest = Math.max(...errors.filter(Number.isFinite), 1e-9);
    const svgElement = (tag, attributes) => {
      const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
      for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
      return made;
    };
    svg.setAttribute("viewBox", `0 0 ${numFrames} 100`);
    let path = "", isOn = false;
    errors.forEach((error, frame) => {
      if (Number.isFinite(error)) path += `${isOn ? "L" : "M"}${frame + 0.5} ${96 - (88 * error) / largest}`;
      isOn = Number.isFinite(error);
    });
    const weak = errors.map((_, frame) => frame).filter((frame) => !person.isGood[frame]);
    svg.replaceChildren(
      ...weak.map((frame) => svgElement("rect", { class: "weak", x: frame, y: 0, width: 1, height: 100 })),
      svgElement("path", { class: "error", d: path }),
      svgElement("line", { class: "now", y1: 0, y2: 100 }),
    );
  }

  Object.assign(SmplReport, { element, number, showDetails, showPeople, showStrip });
})();
