"use strict";
// What the page's data mean: packed arrays, and a body's vertices in a frame.
const SmplReport = {};
(() => {
  const TYPES = { int8: Int8Array, uint8: Uint8Array, int16: Int16Array, uint16: Uint16Array, int32: Int32Array, uint32: Uint32Array,
    float32: Float32Array };

  // An array as written by packing.py; with a scale, the numbers that its whole numbers stand for.
  function unpack(packed) {
    const text = atob(packed.data);
    const bytes = new Uint8Array(text.length);
    for (let k = 0; k < text.length; k++) bytes[k] = text.charCodeAt(k);
    const values = new TYPES[packed.type](bytes.buffer);
    return packed.scale === undefined ? values : Float32Array.from(values, (value) => value * packed.scale);
  }

  class Mesh {
    constructor(packed) {
      this.faces = unpack(packed.faces);
      this.joints = unpack(packed.joints);
      this.weights = Float32Array.from(unpack(packed.weights), (share) => share / 65535);
      this.jointsPerVertex = packed.joints.shape[1];
      this.numVertices = packed.joints.shape[0];
      this.jointNames = packed.joint_names;
      this.jointOfWeights = packed.joint_of_weights;
    }
  }

  // One person: everything by frame.
  class Person {
    constructor(packed, meshes) {
      this.name = packed.name;
      this.color = packed.color;
      this.mesh = meshes[packed.mesh];
      this.rest = unpack(packed.rest);
      this.displacements = unpack(packed.displacements);
      this.numDisplacements = packed.displacements.shape[0];
      this.amounts = unpack(packed.amounts);
      this.transforms = unpack(packed.transforms);
      this.numJoints = packed.transforms.shape[1];
      this.hasBody = packed.has_body;
      this.jointsStd = unpack(packed.joints_std);
      this.jointPlaces = unpack(packed.joint_places);
      this.axesOfStd = packed.axes_of_std;
      this.keypointNames = packed.keypoint_names;
      this.sides = packed.sides;
      this.limbs = packed.limbs;
      this.numKeypoints = packed.keypoint_names.length;
      this.observed = packed.observed && unpack(packed.observed);
      this.fitted = unpack(packed.fitted);
      this.errors = unpack(packed.errors_px);
      this.heights = unpack(packed.heights_px);
      this.pointErrors = packed.point_errors_m && unpack(packed.point_errors_m);
      this.quality = unpack(packed.quality);
      this.roundCosts = Object.entries(packed.cost_by_round).map(([name, values]) => [name, unpack(values)]);
      this.numRounds = this.roundCosts.length ? packed.cost_by_round[this.roundCosts[0][0]].shape[1] : 0;
      this.costs = Object.entries(packed.cost_by_term).map(([name, values]) => [name, unpack(values)]);
      this.statuses = packed.statuses;
      this.isGood = packed.is_good;
      this.warnings = packed.warnings;
      this.vertices = new Float32Array(3 * this.mesh.numVertices);
    }

    // Vertices [m] of a frame, in an array that the next call writes again.
    pose(frame) {
      const { joints, weights, jointsPerVertex, numVertices } = this.mesh;
      const posed = Float32Array.from(this.rest);
      for (let m = 0; m < this.numDisplacements; m++) {
        const amount = this.amounts[frame * this.numDisplacements + m];
        const start = m * posed.length;
        for (let k = 0; k < posed.length; k++) posed[k] += amount * this.displacements[start + k];
      }
      const first = 12 * frame * this.numJoints;
      for (let v = 0; v < numVertices; v++) {
        const x = posed[3 * v], y = posed[3 * v + 1], z = posed[3 * v + 2];
        let a = 0, b = 0, c = 0;
        for (let n = v * jointsPerVertex; n < (v + 1) * jointsPerVertex; n++) {
          const weight = weights[n];
          if (weight === 0) continue;
          const t = first + 12 * joints[n], m = this.transforms;
          a += weight * (m[t] * x + m[t + 1] * y + m[t + 2] * z + m[t + 3]);
          b += weight * (m[t + 4] * x + m[t + 5] * y + m[t + 6] * z + m[t + 7]);
          c += weight * (m[t + 8] * x + m[t + 9] * y + m[t + 10] * z + m[t + 11]);
        }
        this.vertices[3 * v] = a; this.vertices[3 * v + 1] = b; this.vertices[3 * v + 2] = c;
      }
      return this.vertices;
    }

    // Length of a joint's deviations along the three axes [m]; NaN where it is not known.
    deviation(frame, joint) {
      const at = 3 * (frame * this.mesh.jointNames.length + joint);
      return Math.hypot(this.jointsStd[at], this.jointsStd[at + 1], this.jointsStd[at + 2]);
    }

    // Centre and half axes [m] of a joint's ellipsoid in the scene, of one standard deviation; null where it is not known.
    ellipsoid(frame, joint) {
      const at = 3 * (frame * this.mesh.jointNames.length + joint);
      const radii = this.axesOfStd.map((axis) => this.jointsStd[at + axis]);
      return radii.every(Number.isFinite) ? [Array.from(this.jointPlaces.subarray(at, at + 3)), radii] : null;
    }

    // Keypoints in a camera: name, side, observed [x, y, confidence] or null, fitted [x, y] or null, error [px] or NaN.
    keypoints(frame, camera, numCameras) {
      return this.keypointNames.map((name, k) => {
        const at = (frame * numCameras + camera) * this.numKeypoints + k;
        const seen = this.observed && Array.from(this.observed.subarray(3 * at, 3 * at + 3));
        const fitted = Array.from(this.fitted.subarray(2 * at, 2 * at + 2));
        return { name, side: this.sides[k], observed: seen && seen[2] > 0 && seen.every(Number.isFinite) ? seen : null,
          fitted: this.hasBody[frame] && fitted.every(Number.isFinite) ? fitted : null, error: this.errors[at] };
      });
    }

    medianError(frame, numCameras) {
      const count = this.pointErrors ? this.numKeypoints : numCameras * this.numKeypoints;
      const all = this.pointErrors || this.errors;
      return median(all.subarray(frame * count, (frame + 1) * count));
    }
  }

  function median(values) {
    const known = Array.from(values).filter(Number.isFinite).sort((a, b) => a - b);
    if (!known.length) return NaN;
    const middle = known.length >> 1;
    return known.length % 2 ? known[middle] : (known[middle - 1] + known[middle]) / 2;
  }

  Object.assign(SmplReport, { unpack, Mesh, Person, median });
})();
