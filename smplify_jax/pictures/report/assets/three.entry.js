// What of three.js the page uses. three.min.js is made of this file:
//   npm install three@0.187.0 esbuild@0.28.2
//   npx esbuild three.entry.js --bundle --minify --format=iife --global-name=THREE --target=es2021 --outfile=three.min.js \
//     --banner:js="/*! three.js 0.187.0 and its OrbitControls, bundled. MIT licence, Copyright 2010-2026 three.js authors; see three.LICENSE. */"
export {
  BufferAttribute, BufferGeometry, Color, DirectionalLight, DoubleSide, GridHelper, HemisphereLight, LineBasicMaterial, LineSegments, Mesh,
  MeshBasicMaterial, MeshStandardMaterial, PerspectiveCamera, Scene, SRGBColorSpace, Texture, Vector3, WebGLRenderer,
} from "three";
export { OrbitControls } from "three/addons/controls/OrbitControls.js";
