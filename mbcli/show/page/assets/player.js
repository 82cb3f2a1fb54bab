// The clock: which row of the motion is shown now, and the video in step with it.

class Player {
  /** @param video the video element, or null; its time 0 is the motion's first frame. */
  constructor(motion, video) {
    this.motion = motion;
    this.video = video;
    this.row = 0;
    this.playing = false;
    this.speed = 1;
    this.seconds = 0; // since the first frame
    this.changed = () => {};
    if (video) this.#watch(video);
  }

  play() {
    if (this.playing || this.motion.frames < 2) return;
    if (this.row === this.motion.frames - 1) this.seek(0);
    this.playing = true;
    this.last = null;
    if (this.video) {
      this.video.playbackRate = this.speed;
      this.video.play().catch((error) => {
        if (error.name !== "AbortError") this.#withoutVideo();
      });
    }
    requestAnimationFrame((now) => this.#tick(now));
    this.changed();
  }

  pause() {
    if (!this.playing) return;
    this.playing = false;
    if (this.video) this.video.pause();
    this.seek(this.row);
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  /** Show a row, here and in the video. */
  seek(row) {
    this.row = Math.min(this.motion.frames - 1, Math.max(0, Math.round(row)));
    this.seconds = this.motion.times[this.row] - this.motion.times[0];
    if (this.video) this.#seekVideo();
    this.changed();
  }

  /** Pause, and go some frames on or back. */
  step(frames) {
    this.pause();
    this.seek(this.row + frames);
  }

  setSpeed(speed) {
    this.speed = speed;
    if (this.video) this.video.playbackRate = speed;
    this.changed();
  }

  #tick(now) {
    if (!this.playing) return;
    const { motion, video } = this;
    if (video) {
      this.#show(this.shownByVideo ?? video.currentTime);
    } else {
      if (this.last !== null) this.seconds += ((now - this.last) / 1000) * this.speed;
      this.last = now;
      if (this.seconds >= motion.length) this.seconds %= motion.length;
      this.#show(this.seconds);
    }
    requestAnimationFrame((next) => this.#tick(next));
  }

  #show(seconds) {
    // Time stamps of videos are rounded: a quarter of a frame early is not a frame early.
    const slack = this.video ? 0.25 / this.motion.fps : 0;
    const row = this.motion.rowAt(seconds + slack);
    this.seconds = seconds;
    if (row === this.row) return;
    this.row = row;
    this.changed();
  }

  #watch(video) {
    video.addEventListener("ended", () => {
      if (!this.playing) return;
      this.seek(0);
      video.play().catch(() => this.pause());
    });
    video.addEventListener("seeked", () => {
      if (!this.playing && this.wanted !== this.row) this.#seekVideo();
    });
    video.addEventListener("error", () => this.#withoutVideo());
    // Where the browser tells which picture it shows, that is exact; currentTime runs ahead of it.
    if (!video.requestVideoFrameCallback) return;
    const note = (now, shown) => {
      this.shownByVideo = shown.mediaTime;
      video.requestVideoFrameCallback(note);
    };
    video.requestVideoFrameCallback(note);
  }

  #seekVideo() {
    // One seek at a time: when it is done, "seeked" asks for the row that is wanted by then.
    if (this.video.seeking && !this.playing) return;
    const { times, fps, frames } = this.motion;
    const next = this.row + 1 < frames ? times[this.row + 1] : times[this.row] + 1 / fps;
    this.wanted = this.row;
    this.shownByVideo = null;
    // Into the middle of the frame, where rounding cannot fall back to the one before.
    this.video.currentTime = (times[this.row] + next) / 2 - times[0];
  }

  #withoutVideo() {
    this.video = null;
    this.last = null;
    this.trouble?.("This browser cannot play the video in the page; the motion plays without it.");
  }
}
