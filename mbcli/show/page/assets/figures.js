// People as bones and joints, with their shadows and the trails of their hands, feet and pelvis.

const BONE_RADIUS = 0.02; // metres
const JOINT_RADIUS = 0.032;
const TRAIL_SECONDS = 1;
const TRAILED = ["pelvis", "left_wrist", "right_wrist", "left_ankle", "right_ankle"];
const NOWHERE = new THREE.Matrix4().makeScale(0, 0, 0);

/** Line segments whose ends and colours are filled in again for every frame. */
class Strokes {
  constructor(most) {
    this.places = new Float32Array(6 * most);
    this.colours = new Float32Array(6 * most);
    this.count = 0;
    const shape = new THREE.BufferGeometry();
    shape.setAttribute("position", new THREE.BufferAttribute(this.places, 3));
    shape.setAttribute("color", new THREE.BufferAttribute(this.colours, 3));
    this.object = new THREE.LineSegments(
      shape, new THREE.LineBasicMaterial({ vertexColors: true }));
    this.object.frustumCulled = false;
  }

  clear() {
    this.count = 0;
  }

  add(from, to, colour) {
    const at = 6 * this.count++;
    from.toArray(this.places, at);
    to.toArray(this.places, at + 3);
    colour.toArray(this.colours, at);
    colour.toArray(this.colours, at + 3);
  }

  done() {
    const shape = this.object.geometry;
    shape.setDrawRange(0, 2 * this.count);
    shape.attributes.position.needsUpdate = true;
    shape.attributes.color.needsUpdate = true;
  }
}

class Figures {
  constructor(motion, scene) {
    this.motion = motion;
    this.hidden = new Set(); // people whose body lies nowhere
    const people = motion.people.length;
    const material = new THREE.MeshLambertMaterial();
    const solid = (shape, count) => {
      const mesh = new THREE.InstancedMesh(shape, material, Math.max(1, count));
      mesh.instanceMatrix.setUsage(THREE.DynamicDrawUsage);
      mesh.count = count;
      mesh.frustumCulled = false;
      scene.add(mesh);
      return mesh;
    };
    const tube = new THREE.CylinderGeometry(1, 1, 1, 12, 1, true);
    this.bones = solid(tube, people * motion.bones.length);
    this.balls = solid(new THREE.SphereGeometry(1, 16, 12), people * motion.joints.length);
    this.trailed = TRAILED.map((name) => motion.joints.indexOf(name)).filter((at) => at >= 0);
    this.trailRows = Math.min(motion.frames, Math.ceil(TRAIL_SECONDS * motion.fps) + 1);
    this.shadows = new Strokes(people * motion.bones.length);
    this.trails = new Strokes(people * this.trailed.length * this.trailRows);
    scene.add(this.shadows.object, this.trails.object);
    this.trails.object.visible = false;
    this.places = motion.joints.map(() => new THREE.Vector3());
    this.up = new THREE.Vector3(0, 1, 0);
  }

  /** Draw a frame of the people that are shown. */
  draw(row, shown, palette) {
    const { motion } = this;
    this.background = new THREE.Color(palette.background);
    this.shadows.clear();
    this.trails.clear();
    for (let who = 0; who < motion.people.length; who++) {
      const seen = shown.has(who) && motion.present(row, who);
      const colours = {
        left: new THREE.Color(palette.left),
        right: new THREE.Color(palette.right),
        middle: new THREE.Color(palette.people[who]),
      };
      this.#body(row, who, seen, colours, new THREE.Color(palette.shadow));
      if (shown.has(who) && this.trails.object.visible) this.#trail(row, who, colours);
    }
    for (const mesh of [this.bones, this.balls]) {
      mesh.instanceMatrix.needsUpdate = true;
      if (mesh.instanceColor) mesh.instanceColor.needsUpdate = true;
    }
    this.shadows.done();
    this.trails.done();
  }

  #faded(colour, by) {
    return this.background.clone().lerp(colour, by);
  }

  #body(row, who, seen, colours, shade) {
    const { motion, places } = this;
    const across = new THREE.Vector3(), middle = new THREE.Vector3(), size = new THREE.Vector3();
    const turn = new THREE.Quaternion(), matrix = new THREE.Matrix4();
    const still = new THREE.Quaternion();
    if (!seen) {
      // Hidden once; of many people most are absent most of the time.
      if (!this.hidden.has(who)) {
        this.hidden.add(who);
        motion.joints.forEach((_, joint) =>
          this.balls.setMatrixAt(who * motion.joints.length + joint, NOWHERE));
        motion.bones.forEach((_, bone) =>
          this.bones.setMatrixAt(who * motion.bones.length + bone, NOWHERE));
      }
      return;
    }
    this.hidden.delete(who);
    places.forEach((place, joint) => {
      const at = who * motion.joints.length + joint;
      motion.joint(row, who, joint, place);
      const sure = strength(motion.confidence(row, who, joint));
      size.setScalar(JOINT_RADIUS * (0.5 + 0.5 * sure));
      this.balls.setMatrixAt(at, matrix.compose(place, still, size));
      this.balls.setColorAt(at, this.#faded(colours.middle, sure));
    });
    motion.bones.forEach(([start, end], bone) => {
      const at = who * motion.bones.length + bone;
      const from = places[start], to = places[end];
      const sure = Math.min(...[start, end].map((j) => strength(motion.confidence(row, who, j))));
      const length = across.subVectors(to, from).length();
      if (length > 0) turn.setFromUnitVectors(this.up, across.divideScalar(length));
      const radius = BONE_RADIUS * (0.4 + 0.6 * sure);
      matrix.compose(middle.addVectors(from, to).divideScalar(2), turn,
        size.set(radius, length, radius));
      this.bones.setMatrixAt(at, length > 0 ? matrix : NOWHERE);
      this.bones.setColorAt(at, this.#faded(colours[motion.sides[end]], sure));
      this.shadows.add(from.clone().setY(0.002), to.clone().setY(0.002), shade);
    });
  }

  /** Where the hands, feet and pelvis have been in the last second, fading. */
  #trail(row, who, colours) {
    const { motion } = this;
    const from = new THREE.Vector3(), to = new THREE.Vector3();
    for (let at = row; at > 0 && at > row - this.trailRows + 1; at--) {
      const age = (motion.times[row] - motion.times[at - 1]) / TRAIL_SECONDS;
      if (age > 1) break;
      if (!motion.present(at, who) || !motion.present(at - 1, who)) continue;
      for (const joint of this.trailed) {
        motion.joint(at - 1, who, joint, from);
        motion.joint(at, who, joint, to);
        this.trails.add(from, to, this.#faded(colours[motion.sides[joint]], 1 - 0.9 * age));
      }
    }
  }
}
