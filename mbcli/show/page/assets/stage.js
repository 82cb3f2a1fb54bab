// The space: floor, axes, labels, and a camera that can be moved by mouse, touch and keys.

const VIEW_ANGLE = 35; // degrees, from top to bottom
const VIEWS = {
  // Degrees around the people, 0 as the video's camera and 90 from its right; degrees from above.
  corner: [35, 14],
  front: [0, 0],
  side: [90, 0],
  top: [0, 89.9],
};
const MARGIN = 0.12; // metres of air around the people
const MOST_CELLS = 24;
const AXIS = 0.5; // metres

class Stage {
  constructor(motion, canvas, labels) {
    this.motion = motion;
    this.canvas = canvas;
    this.labels = labels;
    this.scene = new THREE.Scene();
    this.camera = new THREE.PerspectiveCamera(VIEW_ANGLE, 1, 0.05, 500);
    this.renderer = new THREE.WebGLRenderer({ canvas, antialias: true });
    this.light = new THREE.HemisphereLight("#ffffff", "#9a9a9a", 2.2);
    this.sun = new THREE.DirectionalLight("#ffffff", 1.3);
    this.sun.position.set(0.6, 2, 1);
    this.scene.add(this.light, this.sun);
    this.figures = new Figures(motion, this.scene);
    this.controls = new THREE.OrbitControls(this.camera, canvas);
    this.controls.maxDistance = 200;
    this.controls.minDistance = 0.3;
    this.controls.addEventListener("start", () => { this.view = null; });
    this.controls.addEventListener("change", () => this.#moved());
    this.shown = new Set(motion.people.keys());
    this.row = 0;
    this.palette = paletteOf(motion, "dark");
    this.following = false;
    this.focus = null;
    this.view = "corner";
    this.changed = () => {};
    this.#floor();
    this.#writing();
    new ResizeObserver(() => this.resize()).observe(canvas.parentElement);
  }

  setPalette(palette) {
    this.palette = palette;
    this.scene.background = new THREE.Color(palette.background);
    this.grid.material.color.set(palette.grid);
    this.axes.clear();
    palette.axes.forEach((colour, axis) => {
      const tip = new THREE.Vector3().setComponent(axis, AXIS).add(this.origin);
      this.axes.add(this.origin, tip, new THREE.Color(colour));
      this.axisNames[axis].element.style.color = colour;
    });
    this.axes.done();
    this.people.forEach((label, who) => { label.element.style.color = palette.people[who]; });
    this.draw(this.row);
  }

  /** Show a frame. */
  draw(row) {
    this.row = row;
    this.figures.draw(row, this.shown, this.palette);
    this.#follow();
    this.render();
  }

  show(people) {
    this.shown = new Set(people);
    this.focus = null;
    this.draw(this.row);
  }

  setTrails(on) {
    this.figures.trails.object.visible = on;
    this.draw(this.row);
  }

  setFollowing(on) {
    this.following = on;
    this.focus = null;
    this.draw(this.row);
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.canvas.parentElement;
    if (!width || !height) return;
    this.renderer.setPixelRatio(Math.min(2, window.devicePixelRatio));
    this.renderer.setSize(width, height, false);
    this.camera.aspect = width / height;
    this.camera.updateProjectionMatrix();
    if (this.view) this.look(this.view);
    else this.render();
  }

  /** Look from one of VIEWS, from where all that is shown can be seen over the whole clip. */
  look(name) {
    const [around, above] = VIEWS[name].map((degrees) => (degrees * Math.PI) / 180);
    const [x, z] = this.motion.front;
    const level = new THREE.Vector3(
      x * Math.cos(around) + z * Math.sin(around), 0, z * Math.cos(around) - x * Math.sin(around));
    const back = level.multiplyScalar(Math.cos(above)).setY(Math.sin(above));
    const right = new THREE.Vector3(0, 1, 0).cross(back).normalize();
    const up = new THREE.Vector3().crossVectors(back, right);
    const [low, high] = this.motion.bounds([...this.shown]);
    const middle = low.map((value, axis) => (value + high[axis]) / 2);
    const target = new THREE.Vector3(...middle);
    const tall = Math.tan((this.camera.fov * Math.PI) / 360), wide = tall * this.camera.aspect;
    let distance = 1;
    for (let corner = 0; corner < 8; corner++) {
      const point = new THREE.Vector3(...[0, 1, 2].map((axis) => (corner >> axis) & 1
        ? high[axis] + MARGIN : Math.min(low[axis] - MARGIN, axis === 1 ? 0 : Infinity)));
      point.sub(target);
      const nearer = point.dot(back);
      distance = Math.max(distance, nearer + Math.abs(point.dot(right)) / wide,
        nearer + Math.abs(point.dot(up)) / tall);
    }
    this.controls.target.copy(target);
    this.camera.position.copy(target).addScaledVector(back, 1.05 * distance);
    this.controls.update();
    this.view = name;
    this.focus = null;
    this.draw(this.row);
    this.changed();
  }

  /** Turn around the people by degrees, or go nearer by a factor: what keys do. */
  turn(around, above, nearer = 1) {
    const away = this.camera.position.clone().sub(this.controls.target);
    const length = away.length() / nearer;
    const high = Math.asin(away.y / away.length()) + (above * Math.PI) / 180;
    const angle = Math.atan2(away.x, away.z) + (around * Math.PI) / 180;
    const bound = Math.min(1.565, Math.max(-1.565, high));
    away.set(Math.sin(angle) * Math.cos(bound), Math.sin(bound), Math.cos(angle) * Math.cos(bound));
    this.camera.position.copy(this.controls.target).addScaledVector(away, length);
    this.view = null;
    this.controls.update();
    this.#moved();
  }

  /** Degrees around the people and from above, as in VIEWS, and the distance in metres. */
  get place() {
    const away = this.camera.position.clone().sub(this.controls.target);
    const [x, z] = this.motion.front;
    const around = Math.atan2(away.x * z - away.z * x, away.x * x + away.z * z);
    return {
      around: Math.round((around * 180) / Math.PI),
      above: Math.round((Math.asin(away.y / away.length()) * 180) / Math.PI),
      distance: away.length(),
    };
  }

  render() {
    this.renderer.render(this.scene, this.camera);
    const { motion, row } = this;
    const head = Math.max(0, motion.joints.indexOf("head"));
    this.people.forEach((label, who) => {
      const seen = this.shown.has(who) && motion.present(row, who);
      if (seen) motion.joint(row, who, head, label.place).y += 0.12;
      this.#put(label, seen);
    });
    this.axisNames.forEach((label) => this.#put(label, true));
  }

  #moved() {
    this.render();
    this.changed();
  }

  /** Keep the camera beside the people that are shown while they walk. */
  #follow() {
    if (!this.following) return;
    const there = [...this.shown].filter((who) => this.motion.present(this.row, who));
    if (!there.length) return;
    const now = new THREE.Vector3(), one = new THREE.Vector3();
    there.forEach((who) => now.add(this.motion.joint(this.row, who, 0, one)));
    now.divideScalar(there.length).setY(0);
    // Somebody who comes or goes moves the middle of all: the camera does not jump with it.
    const who = there.join();
    if (this.focus && this.focus.who === who) {
      const step = one.subVectors(now, this.focus.place);
      this.controls.target.add(step);
      this.camera.position.add(step);
      this.camera.lookAt(this.controls.target);
    }
    this.focus = { place: now, who };
  }

  #floor() {
    const everybody = [...this.motion.people.keys()];
    const [low, high] = this.motion.bounds(everybody);
    const ends = [0, 2].map((axis) => [low[axis] - 0.75, high[axis] + 0.75]);
    const span = Math.max(...ends.map(([a, b]) => b - a));
    let cell = 0.5;
    while (span / cell > MOST_CELLS) cell *= 2;
    const [[x0, x1], [z0, z1]] = ends.map(
      ([a, b]) => [Math.floor(a / cell) * cell, Math.ceil(b / cell) * cell]);
    const places = [];
    for (let x = x0; x <= x1 + 1e-6; x += cell) places.push(x, 0, z0, x, 0, z1);
    for (let z = z0; z <= z1 + 1e-6; z += cell) places.push(x0, 0, z, x1, 0, z);
    const shape = new THREE.BufferGeometry();
    shape.setAttribute("position", new THREE.BufferAttribute(new Float32Array(places), 3));
    this.grid = new THREE.LineSegments(shape, new THREE.LineBasicMaterial());
    this.cell = cell;
    this.origin = new THREE.Vector3(0, 0.004, 0);
    this.axes = new Strokes(3);
    this.scene.add(this.grid, this.axes.object);
  }

  /** Ids over heads and names at the axes, as elements over the picture. */
  #writing() {
    const label = (text, kind) => {
      const element = document.createElement("span");
      element.className = kind;
      element.textContent = text;
      this.labels.append(element);
      return { element, place: new THREE.Vector3() };
    };
    this.people = this.motion.people.map((id) => label(String(id), "who"));
    this.axisNames = ["x", "y", "z"].map((name, axis) => {
      const made = label(name, "axis");
      made.place.setComponent(axis, AXIS + 0.08).add(this.origin);
      return made;
    });
  }

  #put(label, seen) {
    const { clientWidth: width, clientHeight: height } = this.labels;
    const at = label.place.clone().project(this.camera);
    label.element.hidden = !seen || at.z > 1;
    const x = ((at.x + 1) / 2) * width, y = ((1 - at.y) / 2) * height;
    label.element.style.transform = `translate(-50%, -50%) translate(${x}px, ${y}px)`;
  }
}
