"use strict";
// The state of the page: scene, person, frame, playing; and what keys and buttons do.
(() => {
  const { Mesh, Person, View, element } = SmplReport;
  const get = (id) => document.getElementById(id);
  const data = JSON.parse(get("data").textContent);
  const meshes = data.meshes.map((packed) => new Mesh(packed));
  const VIEWS = ["camera", "front", "side", "top"];
  const LARGEST_DEVIATION = data.colors.largest_deviation;
  const state = { scene: 0, person: 0, frame: 0, isPlaying: false, speed: 1, startedAt: 0, startedFrom: 0 };
  const cache = new Map();
  let scene = null, people = [], view = null;

  const isMotion = () => scene.times.length > 1;

  function loadScene(number) {
    stop();
    Object.assign(state, { scene: number, person: 0, frame: 0 });
    scene = data.scenes[number];
    if (!cache.has(number)) cache.set(number, scene.people.map((packed) => new Person(packed, meshes)));
    people = cache.get(number);
    get("scene").value = String(number);
    get("timeline").hidden = !isMotion();
    get("frame").max = String(scene.times.length - 1);
    get("people-title").hidden = get("people").hidden = people.length === 1;
    get("people-title").textContent = `${people.length} people`;
    if (scene.still) get("still").src = scene.still; else get("still").removeAttribute("src");
    showCameras();
    if (view) { view.load(people, scene.cameras, scene.times.length); showViews(); }
    const first = scene.times.findIndex((_, frame) => people.some((person) => person.hasBody[frame]));
    showPeople();
    setFrame(Math.max(first, 0));
    get("canvas").setAttribute("aria-label", `${scene.name}: ${people.length === 1 ? "one body" : `${people.length} bodies`} in 3D; drag to turn`);
    get("keys").textContent = `Drag to turn, wheel to zoom, right button to move. Keys: 1–4 views, R reset, + and − zoom, ${isMotion()
      ? "space plays, ← → step, Shift + arrows turn" : "arrows turn"}${data.scenes.length > 1 ? ", Page up and down other pictures" : ""}.`;
  }

  function showCameras() {
    const several = scene.cameras.length > 1;
    get("camera").hidden = get("camera-label").hidden = !several;
    get("camera").replaceChildren(...scene.cameras.map((camera, k) => element("option", { value: k }, camera.name)));
  }

  function showViews() {
    const has = VIEWS.filter((name) => name !== "camera" || scene.cameras.length);
    const buttons = has.map((name) => element("button", { type: "button", "data-view": name, "aria-pressed": "false", "aria-keyshortcuts": String(VIEWS.indexOf(name) + 1),
      onclick: () => view.view(name) }, name[0].toUpperCase() + name.slice(1), element("kbd", {}, String(VIEWS.indexOf(name) + 1))));
    buttons.push(element("button", { type: "button", "aria-keyshortcuts": "R", onclick: reset }, "Reset", element("kbd", {}, "R")));
    get("views").replaceChildren(...buttons);
    markView(view.mode);
  }

  function markView(mode) {
    for (const button of get("views").querySelectorAll("[data-view]")) button.setAttribute("aria-pressed", String(button.dataset.view === mode));
    document.body.dataset.view = mode;
  }

  function reset() { view.view(scene.cameras.length ? "camera" : "front"); }

  function showPeople() {
    SmplReport.showPeople(get("people"), people, state.person, (k) => { state.person = k; showPeople(); showDetails(); }, (k, isShown) => view?.setShown(k, isShown));
    if (view) get("people").querySelectorAll("input").forEach((box, k) => { box.checked = view.bodies[k].isShown; });
    if (isMotion()) SmplReport.showStrip(get("strip"), people[state.person], scene.times.length, Math.max(scene.cameras.length, 1));
  }

  function showDetails() {
    SmplReport.showDetails(get("details"), people[state.person], state.frame, view?.cameraNumber ?? 0, Math.max(scene.cameras.length, 1), isMotion());
    if (!isMotion()) return;
    const at = state.frame + 0.5, line = get("strip").querySelector(".now");
    line.setAttribute("x1", at); line.setAttribute("x2", at);
  }

  function setFrame(frame) {
    state.frame = Math.min(Math.max(frame, 0), scene.times.length - 1);
    document.body.dataset.frame = String(state.frame);
    get("frame").value = String(state.frame);
    const label = `${scene.frame_names[state.frame] || `frame ${state.frame}`}, ${scene.times[state.frame].toFixed(2)} s`;
    get("time").textContent = label;
    get("frame").setAttribute("aria-valuetext", label);
    view?.setFrame(state.frame);
    // While playing, the numbers of some frames are enough: tables are slower than bodies.
    const now = performance.now();
    if (!state.isPlaying || now - (state.toldAt || 0) > 250) { state.toldAt = now; showDetails(); }
    else if (isMotion()) { const line = get("strip").querySelector(".now"); line.setAttribute("x1", state.frame + 0.5); line.setAttribute("x2", state.frame + 0.5); }
  }

  function step(by) { stop(); setFrame(state.frame + by); }

  function play() {
    if (!isMotion()) return;
    if (state.frame >= scene.times.length - 1) setFrame(0);
    Object.assign(state, { isPlaying: true, startedAt: performance.now(), startedFrom: scene.times[state.frame] });
    showPlaying();
    requestAnimationFrame(tick);
  }

  function stop() { if (!state.isPlaying) return; state.isPlaying = false; showPlaying(); showDetails(); }

  function showPlaying() {
    get("play").textContent = state.isPlaying ? "Pause" : "Play";
    document.body.dataset.playing = String(state.isPlaying);
  }

  function tick() {
    if (!state.isPlaying) return;
    const time = state.startedFrom + (state.speed * (performance.now() - state.startedAt)) / 1000;
    let frame = state.frame;
    while (frame < scene.times.length - 1 && scene.times[frame + 1] <= time) frame++;
    if (frame !== state.frame) setFrame(frame);
    if (frame >= scene.times.length - 1) stop(); else requestAnimationFrame(tick);
  }

  const toggle = () => (state.isPlaying ? stop() : play());

  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const on = event.target, isField = on.matches("select, input[type=range]"), key = event.key;
    if (key === " ") { if (on.matches("button, input, select, summary")) return; toggle(); }
    else if (/^[1-4]$/.test(key) && view) { if (key === "1" && !scene.cameras.length) return; view.view(VIEWS[Number(key) - 1]); }
    else if ((key === "r" || key === "R" || key === "0") && view && !on.matches("select")) reset();
    else if ((key === "+" || key === "=") && view) view.zoom(0.9);
    else if (key === "-" && view) view.zoom(1.1);
    else if (isField) return;
    else if (key.startsWith("Arrow")) onArrow(event);
    else if (key === "Home" && isMotion() && on === get("canvas")) step(-scene.times.length);
    else if (key === "End" && isMotion() && on === get("canvas")) step(scene.times.length);
    else if ((key === "PageUp" || key === "PageDown") && data.scenes.length > 1) otherScene(key === "PageUp" ? -1 : 1);
    else return;
    event.preventDefault();
  }

  function onArrow({ key, shiftKey, target }) {
    const [right, up] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[key];
    if (isMotion() && !shiftKey) { if (right) step(right); else if (target !== get("canvas")) window.scrollBy({ top: -60 * up }); }
    else if (target === get("canvas") || right || shiftKey) view?.turn(0.12 * right, 0.12 * up);
    else window.scrollBy({ top: -60 * up });
  }

  function otherScene(by) { loadScene((state.scene + by + data.scenes.length) % data.scenes.length); }

  function showLegend() {
    const chip = (color, text) => { const swatch = element("span", { class: "swatch" }); swatch.style.background = `rgb(${color.join(" ")})`; return [swatch, `${text}  `]; };
    const { left, right, middle, uncertainty } = data.colors;
    get("legend").replaceChildren(...(get("paint").value === "uncertainty"
      ? ["Standard deviation of the joints: ", ...chip(uncertainty[0], "0"), ...chip(uncertainty[8], `${100 * LARGEST_DEVIATION / 2} cm`), ...chip(uncertainty[16], `${100 * LARGEST_DEVIATION} cm or more`)]
      : ["Discs: detected keypoints, ", ...chip(left, "left"), ...chip(right, "right"), ...chip(middle, "middle"), "· crosses: those of the fit · lines: the error"]),
      ...(get("show-ellipsoids").checked ? [" · ellipsoids: one standard deviation of each joint"] : []));
  }

  function connect() {
    get("scene-row").hidden = data.scenes.length < 2;
    get("scene").replaceChildren(...data.scenes.map((one, k) => element("option", { value: k }, one.name)));
    get("scene").addEventListener("change", (event) => loadScene(Number(event.target.value)));
    get("previous-scene").addEventListener("click", () => otherScene(-1));
    get("next-scene").addEventListener("click", () => otherScene(1));
    get("play").addEventListener("click", toggle);
    get("step-back").addEventListener("click", () => step(-1));
    get("step-on").addEventListener("click", () => step(1));
    get("frame").addEventListener("input", (event) => { stop(); setFrame(Number(event.target.value)); });
    get("speed").addEventListener("change", (event) => { state.speed = Number(event.target.value); if (state.isPlaying) play(); });
    get("strip").addEventListener("pointerdown", (event) => {
      const box = get("strip").getBoundingClientRect();
      stop(); setFrame(Math.floor(((event.clientX - box.left) / box.width) * scene.times.length));
    });
    get("paint").addEventListener("change", (event) => { view?.setPaint(event.target.value); showLegend(); });
    get("opacity").addEventListener("input", (event) => { if (view) { view.opacity = Number(event.target.value) / 100; view.invalidate(); } });
    get("show-picture").addEventListener("change", (event) => { if (view) { view.showsPicture = event.target.checked; view.invalidate(); } });
    get("show-keypoints").addEventListener("change", (event) => { if (view) { view.showsKeypoints = event.target.checked; view.invalidate(); } });
    get("show-ellipsoids").addEventListener("change", (event) => { view?.setEllipsoids(event.target.checked); showLegend(); });
    get("camera").addEventListener("change", (event) => { view?.setCamera(Number(event.target.value)); view?.view("camera"); showDetails(); });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { if (view) { view.showPicture(); view.invalidate(); } });
    document.addEventListener("keydown", onKey);
  }

  function startView() {
    if (!SmplReport.hasWebGL()) {
      get("message").textContent = "This browser cannot draw in 3D, because WebGL is off or missing. The page shows still pictures instead.";
      get("tools").hidden = get("canvas").hidden = get("marks").hidden = true;
      document.body.dataset.view = "still";
      return;
    }
    view = new View(get("canvas"), get("marks"), data.colors);
    view.uncertaintyScale = LARGEST_DEVIATION;
    view.onMode = markView;
    get("still").hidden = true;
    get("still").style.display = "none";
    SmplReport.view = view;
  }

  get("about").textContent = data.generator;
  get("notes").replaceChildren(...data.notes.map((note) => element("p", {}, note)));
  connect();
  startView();
  showLegend();
  loadScene(0);
  document.body.dataset.ready = "true";
})();
