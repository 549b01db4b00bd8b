// Colours of a light desk and of a dark wall. Levels are told by pattern and word as well.
export const DESK = {
  sea: "#dbe7ee", land: "#fbfaf6", coast: "#8d97a2", border: "#b9bec6", ink: "#111111", halo: "#ffffff",
  label: "#2c3138", full: 0.85, dots: "#ffffff", levels: {"-1": "#c9cdd3", 1: "#a9cbe4", 2: "#ffe066", 3: "#f58518", 4: "#a50026"},
  edge: {"-1": "#3f444b", 1: "#3f6f93", 2: "#8a6d00", 3: "#7a3500", 4: "#3d000e"},
};
export const WALL = {
  sea: "#0b1420", land: "#263241", coast: "#6d7b8c", border: "#43505f", ink: "#ffffff", halo: "#0b1420",
  label: "#dfe6ee", full: 1, dots: "#ffffff", levels: {"-1": "#59636f", 1: "#4d7ea3", 2: "#ffe066", 3: "#ff8c1a", 4: "#ff2d55"},
  edge: {"-1": "#c3cbd4", 1: "#9cc4e2", 2: "#fff3b0", 3: "#ffd2a1", 4: "#ffffff"},
};

/** A MapLibre expression: by the state `level` of an area, else `none`. */
export function byLevel(colours, none) {
  const level = ["coalesce", ["feature-state", "level"], 0];
  const cases = Object.entries(colours).flatMap(([key, colour]) => [["==", level, Number(key)], colour]);
  return ["case", ...cases, none];
}
