// Colours: the motion brings those of sides and people, which suit a dark page; on a light one
// they are darkened until they stand out.

const GROUNDS = {
  dark: {
    background: "#1e2025",
    grid: "#464a54",
    shadow: "#0b0c0e",
    axes: ["#ff5d5d", "#63d471", "#6aa5ff"],
  },
  light: {
    background: "#f4f5f7",
    grid: "#c3c7cf",
    shadow: "#d0d4db",
    axes: ["#c62828", "#2e7d32", "#1d56c9"],
  },
};
const LIGHTEST = 0.4; // of 1, in HSL, on a light page

/** The colours of a theme: those of GROUNDS, and left, right and people as CSS colours. */
function paletteOf(motion, theme) {
  const suited = (colour) => {
    if (theme === "dark") return colour;
    const made = new THREE.Color(colour);
    const { h, s, l } = made.getHSL({}, "srgb");
    return made.setHSL(h, s, Math.min(l, LIGHTEST), "srgb").getStyle();
  };
  const { left, right, people } = motion.colours;
  return {
    ...GROUNDS[theme],
    left: suited(left),
    right: suited(right),
    people: people.map(suited),
  };
}

/** How strongly something is drawn: faint without confidence, full from half of it on. */
function strength(confidence) {
  return Math.min(1, Math.max(0.15, 2 * confidence));
}
