// The motion as it lies in the page: packed numbers, unpacked once and read by row and person.

/** Bytes of base64 text, decoded by the piece: a video is many megabytes. */
function bytesOf(base64) {
  const piece = 4 * 65536;
  const padding = base64.endsWith("==") ? 2 : base64.endsWith("=") ? 1 : 0;
  const bytes = new Uint8Array((base64.length / 4) * 3 - padding);
  for (let at = 0, to = 0; at < base64.length; at += piece) {
    const text = atob(base64.slice(at, at + piece));
    for (let i = 0; i < text.length; i++) bytes[to++] = text.charCodeAt(i);
  }
  return bytes;
}

class Motion {
  constructor(packed) {
    for (const name of ["title", "frames", "fps", "size", "people", "joints", "bones", "colours",
      "spans", "front", "boxes", "metadata", "step"]) this[name] = packed[name];
    this.times = new Float64Array(bytesOf(packed.times).buffer);
    this.numbers = new Float64Array(bytesOf(packed.numbers).buffer);
    this.roots = new Float32Array(bytesOf(packed.roots).buffer);
    this.offsets = new Int16Array(bytesOf(packed.offsets).buffer);
    this.sureness = bytesOf(packed.confidence);
    // Where the body of row 0 would be, person after person.
    let bodies = 0;
    this.starts = (this.spans ?? []).map(([first, stop]) => {
      const start = bodies - first;
      bodies += stop - first;
      return start;
    });
    this.sides = packed.joints.map((name) =>
      name.startsWith("left_") ? "left" : name.startsWith("right_") ? "right" : "middle");
  }

  /** The place of a person's body in a row among all that are packed; -1 where there is none. */
  body(row, who) {
    if (!this.spans) return row * this.people.length + who;
    const [first, stop] = this.spans[who];
    return row >= first && row < stop ? this.starts[who] + row : -1;
  }

  present(row, who) {
    const body = this.body(row, who);
    return body >= 0 && !Number.isNaN(this.roots[3 * body]);
  }

  /** Write where a joint of somebody who is there is into a Vector3, and give it back. */
  joint(row, who, joint, into) {
    const body = this.body(row, who);
    const at = 3 * (body * this.joints.length + joint);
    return into.set(
      this.roots[3 * body] + this.offsets[at] * this.step,
      this.roots[3 * body + 1] + this.offsets[at + 1] * this.step,
      this.roots[3 * body + 2] + this.offsets[at + 2] * this.step,
    );
  }

  /** Confidence of a joint of somebody who is there, 0..1. */
  confidence(row, who, joint) {
    const body = this.body(row, who);
    return this.sureness[body * this.joints.length + joint] / 255;
  }

  meanConfidence(row, who) {
    let sum = 0;
    for (let joint = 0; joint < this.joints.length; joint++) sum += this.confidence(row, who, joint);
    return sum / this.joints.length;
  }

  /** Seconds since the first frame, with the stretch that the last frame is shown for. */
  get length() {
    return this.times[this.frames - 1] - this.times[0] + 1 / this.fps;
  }

  /** The row that is shown some seconds after the first frame. */
  rowAt(seconds) {
    const time = this.times[0] + seconds;
    let low = 0, high = this.frames - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.times[middle] <= time) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** Lowest and highest x, y, z of some people over the clip; a standing person's if nobody is. */
  bounds(people) {
    const known = people.map((who) => this.boxes[who]).filter((box) => box !== null);
    if (!known.length) return [[-0.5, 0, -0.5], [0.5, 1.8, 0.5]];
    return [0, 1].map((end) => [0, 1, 2].map((axis) =>
      Math[end ? "max" : "min"](...known.map((box) => box[end][axis]))));
  }
}
