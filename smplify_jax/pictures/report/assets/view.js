"use strict";
// The 3D view: bodies, the picture on a plane behind them, and keypoints over the camera's view. The world has y up.
(() => {
  const PRESET_LENS = { focal: [1600, 1600], center: [500, 500], size: [1000, 1000] };
  const DIRECTIONS = { front: [0, 0, 1], side: [1, 0, 0], top: [0, 1, 0.001] };
  const RINGS = 10, SIDES = 16, ELLIPSOID_COLOR = 0xf0e442;
  const BEHIND = 0.6; // [m] from the farthest vertex to the picture

  function hasWebGL() {
    try { return Boolean(document.createElement("canvas").getContext("webgl2")); } catch { return false; }
  }

  class View {
    constructor(canvas, marks, colors) {
      Object.assign(this, { canvas, marks, colors, mode: "camera", opacity: 0.9, paint: "person", showsPicture: true, showsKeypoints: true, showsEllipsoids: false });
      this.renderer = new THREE.WebGLRenderer({ canvas, antialias: true, alpha: true });
      this.scene = new THREE.Scene();
      this.camera = new THREE.PerspectiveCamera();
      this.scene.add(this.camera, new THREE.HemisphereLight(0xffffff, 0x8a8f99, 1.7));
      const lamp = new THREE.DirectionalLight(0xffffff, 1.9);
      lamp.position.set(-0.6, 0.9, 0.8);
      this.camera.add(lamp, lamp.target);
      lamp.target.position.set(0, 0, -1);
      this.controls = new THREE.OrbitControls(this.camera, canvas);
      this.controls.addEventListener("change", () => {
        if (this.isSetting) return;
        this.setMode("free");
        this.invalidate();
      });
      this.bodies = [];
      this.lens = PRESET_LENS;
      this.onMode = () => {};
      new ResizeObserver(() => this.invalidate()).observe(canvas.parentElement);
    }

    setMode(mode) { this.mode = mode; this.onMode(mode); }

    // Show a scene's people and cameras; everything of the scene before goes.
    load(people, cameras, numFrames) {
      for (const thing of this.things || []) { this.scene.remove(thing); thing.geometry?.dispose(); thing.material?.dispose(); }
      this.texture?.dispose();
      Object.assign(this, { people, cameras, numFrames, frame: 0, things: [], pictures: new Map(), texture: null, cameraNumber: 0 });
      this.bodies = people.map((person) => this.bodyOf(person));
      this.measure();
      this.grid = new THREE.GridHelper(20, 20, 0x8a93a3, 0xb4bcc8);
      this.grid.position.set(this.middle[0], this.low[1], this.middle[2]);
      this.grid.material.transparent = true; this.grid.material.opacity = 0.45;
      this.plane = new THREE.Mesh(new THREE.BufferGeometry(), new THREE.MeshBasicMaterial({ side: THREE.DoubleSide }));
      this.frustum = new THREE.LineSegments(new THREE.BufferGeometry(), new THREE.LineBasicMaterial({ color: 0x7d8796 }));
      this.add(this.grid, this.plane, this.frustum);
      this.setCamera(0);
      this.view(cameras.length ? "camera" : "front");
    }

    add(...things) { for (const thing of things) { this.scene.add(thing); this.things.push(thing); } }

    bodyOf(person) {
      const geometry = new THREE.BufferGeometry();
      const count = 3 * person.mesh.numVertices;
      geometry.setAttribute("position", new THREE.BufferAttribute(new Float32Array(count), 3));
      geometry.setAttribute("color", new THREE.BufferAttribute(new Float32Array(count).fill(1), 3));
      geometry.setIndex(new THREE.BufferAttribute(person.mesh.faces, 1));
      // The first mesh writes depths only, so that a body one can see through shows its nearest surface and no inside.
      const depths = new THREE.Mesh(geometry, new THREE.MeshBasicMaterial({ colorWrite: false }));
      const surface = new THREE.Mesh(geometry, new THREE.MeshStandardMaterial({ roughness: 0.75, transparent: true, vertexColors: true }));
      depths.renderOrder = 1; surface.renderOrder = 2;
      depths.frustumCulled = surface.frustumCulled = false;
      // Drawn over the body: most of them lie inside it.
      const ellipsoids = new THREE.Mesh(new THREE.BufferGeometry(), new THREE.MeshStandardMaterial({
        roughness: 0.6, transparent: true, opacity: 0.55, depthTest: false, color: ELLIPSOID_COLOR }));
      ellipsoids.renderOrder = 3; ellipsoids.frustumCulled = false; ellipsoids.visible = false;
      this.add(depths, surface, ellipsoids);
      return { person, geometry, depths, surface, ellipsoids, isShown: true };
    }

    // The box of everybody, in up to nine frames, and the depth of the picture's plane.
    measure() {
      this.low = [Infinity, Infinity, Infinity]; this.high = [-Infinity, -Infinity, -Infinity];
      this.planeDepths = this.cameras.map(() => 1);
      const step = Math.max(1, Math.floor((this.numFrames - 1) / 8));
      for (const person of this.people)
        for (let frame = 0; frame < this.numFrames; frame += step) {
          if (!person.hasBody[frame]) continue;
          const vertices = person.pose(frame);
          for (let k = 0; k < vertices.length; k += 3) {
            for (let axis = 0; axis < 3; axis++) {
              this.low[axis] = Math.min(this.low[axis], vertices[k + axis]);
              this.high[axis] = Math.max(this.high[axis], vertices[k + axis]);
            }
            this.cameras.forEach(({ rotation: r, translation: t }, number) => {
              const depth = r[6] * vertices[k] + r[7] * vertices[k + 1] + r[8] * vertices[k + 2] + t[2];
              if (depth + BEHIND > this.planeDepths[number]) this.planeDepths[number] = depth + BEHIND;
            });
          }
        }
      if (!Number.isFinite(this.low[0])) { this.low = [-1, -1, -4]; this.high = [1, 1, -3]; }
      this.middle = this.low.map((low, axis) => (low + this.high[axis]) / 2);
    }

    // Choose the camera whose picture is shown.
    setCamera(number) {
      this.cameraNumber = number;
      const camera = this.cameras[number];
      this.plane.visible = Boolean(camera);
      if (!camera) return;
      const depth = this.planeDepths[number], [width, height] = camera.size;
      const corners = [[0, height], [width, height], [width, 0], [0, 0]].map(([x, y]) => this.inWorld(camera,
        [(x - camera.center[0]) / camera.focal[0] * depth, (y - camera.center[1]) / camera.focal[1] * depth, depth]));
      const eye = this.inWorld(camera, [0, 0, 0]);
      this.plane.geometry.setAttribute("position", new THREE.BufferAttribute(new Float32Array(corners.flat()), 3));
      this.plane.geometry.setAttribute("uv", new THREE.BufferAttribute(new Float32Array([0, 0, 1, 0, 1, 1, 0, 1]), 2));
      this.plane.geometry.setIndex([0, 1, 2, 0, 2, 3]);
      this.plane.geometry.computeBoundingSphere();
      const lines = corners.flatMap((corner, k) => [...eye, ...corner, ...corner, ...corners[(k + 1) % 4]]);
      this.frustum.geometry.setAttribute("position", new THREE.BufferAttribute(new Float32Array(lines), 3));
      this.frustum.geometry.computeBoundingSphere();
      this.showPicture();
    }

    inWorld({ rotation: r, translation: t }, point) {
      const [x, y, z] = point.map((value, axis) => value - t[axis]);
      return [0, 1, 2].map((axis) => r[axis] * x + r[3 + axis] * y + r[6 + axis] * z);
    }

    // Put the picture of the frame, or the one before it, on the plane.
    showPicture() {
      const camera = this.cameras[this.cameraNumber];
      let found = null;
      for (const [frame, url] of camera?.pictures || []) { if (frame > this.frame && found) break; found = url; if (frame >= this.frame) break; }
      this.wanted = found;
      if (!found) { this.putOnPlane(null); return; }
      if (this.pictures.has(found)) { this.putOnPlane(this.pictures.get(found)); return; }
      const image = new Image();
      image.onload = () => { this.pictures.set(found, image); if (this.wanted === found) { this.putOnPlane(image); this.invalidate(); } };
      image.src = found;
    }

    putOnPlane(image) {
      const material = this.plane.material;
      if (!image) {
        material.map = null;
        material.color.set(matchMedia("(prefers-color-scheme: dark)").matches ? 0x2b323d : 0xdfe3ea);
      } else {
        if (this.texture?.image?.width !== image.width || this.texture?.image?.height !== image.height) {
          this.texture?.dispose();
          this.texture = new THREE.Texture(image);
          this.texture.colorSpace = THREE.SRGBColorSpace;
        }
        this.texture.image = image; this.texture.needsUpdate = true;
        material.map = this.texture; material.color.set(0xffffff);
      }
      material.needsUpdate = true;
    }

    // Show a frame.
    setFrame(frame) {
      this.frame = frame;
      for (const body of this.bodies) this.poseBody(body);
      this.showPicture();
      this.invalidate();
    }

    poseBody(body) {
      const isSeen = body.isShown && Boolean(body.person.hasBody[this.frame]);
      body.depths.visible = body.surface.visible = isSeen;
      body.ellipsoids.visible = isSeen && this.showsEllipsoids;
      if (!isSeen) return;
      if (this.showsEllipsoids) shapeEllipsoids(body.person, this.frame, body.ellipsoids.geometry);
      const position = body.geometry.attributes.position;
      position.array.set(body.person.pose(this.frame));
      position.needsUpdate = true;
      body.geometry.computeVertexNormals();
      this.paintBody(body);
    }

    paintBody({ person, geometry, surface }) {
      const colors = geometry.attributes.color;
      surface.material.color.setRGB(...(this.paint === "person" ? person.color.map((value) => value / 255) : [1, 1, 1]), THREE.SRGBColorSpace);
      if (this.paint === "person") colors.array.fill(1);
      else paintUncertainty(person, this.frame, colors.array, this.colors.uncertainty, this.uncertaintyScale);
      colors.needsUpdate = true;
    }

    setPaint(paint) { this.paint = paint; for (const body of this.bodies) this.poseBody(body); this.invalidate(); }

    setEllipsoids(areShown) { this.showsEllipsoids = areShown; for (const body of this.bodies) this.poseBody(body); this.invalidate(); }

    setShown(number, isShown) { this.bodies[number].isShown = isShown; this.poseBody(this.bodies[number]); this.invalidate(); }

    // One of: camera, front, side, top.
    view(mode) {
      this.isSetting = true;
      if (mode === "camera") this.takePlaceOf(this.cameras[this.cameraNumber]);
      else {
        this.lens = PRESET_LENS;
        const half = this.low.map((low, axis) => (this.high[axis] - low) / 2);
        const depth = { front: 2, side: 0, top: 1 }[mode];
        const across = Math.max(...half.filter((_, axis) => axis !== depth), 0.5);
        const distance = half[depth] + 1.2 * across * 2 * PRESET_LENS.focal[0] / PRESET_LENS.size[0];
        this.camera.position.set(...this.middle.map((value, axis) => value + distance * DIRECTIONS[mode][axis]));
        this.controls.target.set(...this.middle);
        this.controls.update();
      }
      this.isSetting = false;
      this.setMode(mode);
      this.invalidate();
    }

    takePlaceOf(camera) {
      const { rotation: r } = camera, eye = this.inWorld(camera, [0, 0, 0]);
      this.lens = camera;
      // three.js' cameras look along -z with y up: the rows of the rotation for y and z change their signs.
      const turn = this.camera.matrix.clone().set(r[0], -r[3], -r[6], 0, r[1], -r[4], -r[7], 0, r[2], -r[5], -r[8], 0, 0, 0, 0, 1);
      this.camera.position.set(...eye);
      this.camera.quaternion.setFromRotationMatrix(turn);
      // Turned about a point straight ahead, as far as people are, the view goes on from the camera's without a jump.
      const ahead = [r[6], r[7], r[8]];
      const depth = Math.max(0.5, ahead.reduce((sum, value, axis) => sum + value * (this.middle[axis] - eye[axis]), 0));
      this.controls.target.set(...eye.map((value, axis) => value + depth * ahead[axis]));
    }

    // Turn the view about what is looked at. Angles [rad]: to the right, and up.
    turn(right, up) {
      const offset = this.camera.position.clone().sub(this.controls.target);
      const distance = offset.length();
      const yaw = Math.atan2(offset.x, offset.z) + right;
      const pitch = Math.min(1.55, Math.max(-1.55, Math.asin(offset.y / distance) + up));
      this.camera.position.copy(this.controls.target).add(new THREE.Vector3(
        distance * Math.cos(pitch) * Math.sin(yaw), distance * Math.sin(pitch), distance * Math.cos(pitch) * Math.cos(yaw)));
      this.controls.update();
    }

    zoom(factor) {
      this.camera.position.sub(this.controls.target).multiplyScalar(factor).add(this.controls.target);
      this.controls.update();
    }

    invalidate() {
      if (this.isWaiting) return;
      this.isWaiting = true;
      requestAnimationFrame(() => { this.isWaiting = false; this.draw(); });
    }

    draw() {
      const width = this.canvas.parentElement.clientWidth, height = this.canvas.parentElement.clientHeight;
      const ratio = Math.min(window.devicePixelRatio || 1, 2);
      if (!width || !height) return;
      if (this.renderer.getPixelRatio() !== ratio) this.renderer.setPixelRatio(ratio);
      if (this.drawn !== `${width} ${height} ${ratio}`) { this.renderer.setSize(width, height, false); this.drawn = `${width} ${height} ${ratio}`; }
      this.project(width, height);
      const isCamera = this.mode === "camera";
      this.grid.visible = !isCamera; this.frustum.visible = !isCamera && this.mode !== "front" && Boolean(this.cameras.length) && this.showsPicture;
      this.plane.visible = Boolean(this.cameras.length) && this.showsPicture;
      for (const { surface } of this.bodies) { surface.material.opacity = this.opacity; }
      for (const { depths, surface, person, isShown } of this.bodies)
        depths.visible = surface.visible = isShown && this.opacity > 0 && Boolean(person.hasBody[this.frame]);
      this.renderer.render(this.scene, this.camera);
      this.drawMarks(width, height, ratio);
    }

    // The projection of the lens, in the middle of the stage and as large as fits.
    project(width, height) {
      const { focal, center, size } = this.lens, near = 0.05, far = 400;
      const scale = Math.min(width / size[0], height / size[1]);
      this.placed = { scale, x: (width - scale * size[0]) / 2, y: (height - scale * size[1]) / 2 };
      const x = this.placed.x + scale * center[0], y = this.placed.y + scale * center[1];
      const [fx, fy] = focal.map((value) => value * scale / near);
      this.camera.projectionMatrix.makePerspective(-x / fx, (width - x) / fx, y / fy, (y - height) / fy, near, far);
      this.camera.projectionMatrixInverse.copy(this.camera.projectionMatrix).invert();
    }

    drawMarks(width, height, ratio) {
      const pen = this.marks.getContext("2d");
      this.marks.width = Math.round(width * ratio); this.marks.height = Math.round(height * ratio);
      if (this.mode !== "camera" || !this.showsKeypoints || !this.cameras.length) return;
      pen.scale(ratio, ratio);
      for (const { person, isShown } of this.bodies)
        if (isShown) drawKeypoints(pen, person, person.keypoints(this.frame, this.cameraNumber, this.cameras.length), this.placed, this.colors);
    }
  }

  function drawKeypoints(pen, person, points, { scale, x, y }, colors) {
    const color = (side, alpha = 1) => `rgb(${colors[side].join(" ")} / ${alpha})`;
    const at = (point) => [x + scale * point[0], y + scale * point[1]];
    const known = points.filter((point) => point.observed || point.fitted).map((point) => at(point.observed || point.fitted));
    if (!known.length) return;
    const extent = Math.max(...[0, 1].map((axis) => Math.max(...known.map((one) => one[axis])) - Math.min(...known.map((one) => one[axis]))));
    const radius = Math.min(7, Math.max(2, 0.009 * extent));
    pen.lineCap = "round";
    const stroke = (from, to, width, style) => {
      pen.lineWidth = width; pen.strokeStyle = style;
      pen.beginPath(); pen.moveTo(...from); pen.lineTo(...to); pen.stroke();
    };
    for (const [start, end, side] of person.limbs)
      if (points[start].observed && points[end].observed)
        stroke(at(points[start].observed), at(points[end].observed), 0.45 * radius, color(side, 0.55));
    for (const { observed, fitted } of points)
      if (observed && fitted) {
        stroke(at(observed), at(fitted), 0.7 * radius, "rgb(20 20 20 / .8)");
        stroke(at(observed), at(fitted), 0.35 * radius, "rgb(240 228 66)");
      }
    for (const { observed, side } of points) {
      if (!observed) continue;
      pen.beginPath(); pen.arc(...at(observed), radius * (0.5 + 0.5 * Math.min(observed[2], 1)), 0, 2 * Math.PI);
      pen.fillStyle = color(side); pen.fill(); pen.lineWidth = 1.2; pen.strokeStyle = "rgb(20 20 20)"; pen.stroke();
    }
    for (const { observed, fitted } of points) {
      if (!fitted || (person.observed && !observed)) continue;
      const [a, b] = at(fitted), reach = 0.6 * radius;
      for (const [width, style] of [[0.5 * radius, "rgb(20 20 20)"], [0.25 * radius, "white"]]) {
        stroke([a - reach, b - reach], [a + reach, b + reach], width, style);
        stroke([a - reach, b + reach], [a + reach, b - reach], width, style);
      }
    }
  }

  // Spheres of latitudes and longitudes, stretched and moved to the joints.
  function shapeEllipsoids(person, frame, geometry) {
    const places = [], normals = [], corners = [];
    for (let joint = 0; joint < person.mesh.jointNames.length; joint++) {
      const found = person.ellipsoid(frame, joint);
      if (!found) continue;
      const [center, radii] = found, first = places.length / 3;
      for (let ring = 0; ring <= RINGS; ring++)
        for (let side = 0; side < SIDES; side++) {
          const up = Math.PI * (ring / RINGS - 0.5), around = 2 * Math.PI * side / SIDES;
          const unit = [Math.cos(up) * Math.cos(around), Math.sin(up), -Math.cos(up) * Math.sin(around)];
          const across = unit.map((value, axis) => value / Math.max(radii[axis], 1e-4)), length = Math.hypot(...across);
          unit.forEach((value, axis) => { places.push(center[axis] + radii[axis] * value); normals.push(across[axis] / length); });
          if (ring === RINGS) continue;
          const here = first + ring * SIDES + side, beside = first + ring * SIDES + (side + 1) % SIDES;
          corners.push(here, beside, beside + SIDES, here, beside + SIDES, here + SIDES);
        }
    }
    geometry.setAttribute("position", new THREE.BufferAttribute(new Float32Array(places), 3));
    geometry.setAttribute("normal", new THREE.BufferAttribute(new Float32Array(normals), 3));
    geometry.setIndex(new THREE.BufferAttribute(new Uint32Array(corners), 1));
  }

  function paintUncertainty(person, frame, array, scale, largest) {
    const { joints, weights, jointsPerVertex, numVertices, jointOfWeights } = person.mesh;
    const deviations = jointOfWeights.map((joint) => person.deviation(frame, joint));
    const color = new THREE.Color();
    for (let v = 0; v < numVertices; v++) {
      let deviation = 0;
      for (let n = v * jointsPerVertex; n < (v + 1) * jointsPerVertex; n++) if (weights[n]) deviation += weights[n] * deviations[joints[n]];
      const share = Number.isFinite(deviation) ? Math.min(deviation / largest, 1) : 0.5;
      const [r, g, b] = scale[Math.round(share * (scale.length - 1))];
      color.setRGB(r / 255, g / 255, b / 255, THREE.SRGBColorSpace);
      array[3 * v] = color.r; array[3 * v + 1] = color.g; array[3 * v + 2] = color.b;
    }
  }

  Object.assign(SmplReport, { View, hasWebGL });
})();
