// Signs and patterns, drawn here: shape and letter tell what colour alone must not.
const RATIO = 2;

function canvas(width, height = width) {
  const found = document.createElement("canvas");
  found.width = width * RATIO;
  found.height = height * RATIO;
  const pen = found.getContext("2d", {willReadFrequently: true});
  pen.scale(RATIO, RATIO);
  return pen;
}
const pixels = (pen) => pen.getImageData(0, 0, pen.canvas.width, pen.canvas.height);

function letter(pen, text, size, colour, x, y) {
  pen.fillStyle = colour;
  pen.font = `700 ${size}px sans-serif`;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillText(text, x, y + size * 0.05);
}

const SHAPES = {
  circle: (pen, c, r) => pen.arc(c, c, r, 0, 2 * Math.PI),
  square: (pen, c, r) => pen.rect(c - r * 0.9, c - r * 0.9, r * 1.8, r * 1.8),
  diamond: (pen, c, r) => { pen.moveTo(c, c - r); pen.lineTo(c + r, c); pen.lineTo(c, c + r); pen.lineTo(c - r, c); pen.closePath(); },
  speech: (pen, c, r) => { pen.rect(c - r, c - r, r * 2, r * 1.5); pen.moveTo(c - r * 0.5, c + r * 0.4); pen.lineTo(c - r * 0.6, c + r); pen.lineTo(c + r * 0.2, c + r * 0.5); },
};

function sign({shape, text, fill, ink, edge, alarm}, size) {
  const pen = canvas(size), middle = size / 2, reach = size / 2 - (alarm ? 5 : 2.5);
  if (alarm) {
    pen.beginPath();
    pen.arc(middle, middle, size / 2 - 1.5, 0, 2 * Math.PI);
    pen.fillStyle = "#ffffff";
    pen.fill();
    pen.lineWidth = 3;
    pen.strokeStyle = "#c4001a";
    pen.stroke();
  }
  pen.beginPath();
  SHAPES[shape](pen, middle, reach);
  pen.fillStyle = fill;
  pen.fill();
  pen.lineWidth = 1.8;
  pen.strokeStyle = edge;
  pen.stroke();
  letter(pen, text, size * (alarm ? 0.36 : 0.5), ink, middle, shape === "speech" ? middle - reach * 0.2 : middle);
  return pixels(pen);
}

function cross(size, theme) {
  const pen = canvas(size), a = size * 0.2, b = size * 0.8;
  for (const [width, colour] of [[0.3, theme.halo], [0.15, theme.ink]]) {
    pen.lineWidth = width * size;
    pen.strokeStyle = colour;
    pen.lineCap = "round";
    pen.beginPath();
    pen.moveTo(a, a); pen.lineTo(b, b); pen.moveTo(b, a); pen.lineTo(a, b);
    pen.stroke();
  }
  return pixels(pen);
}

function hatch(size, draw) {
  const pen = canvas(size);
  draw(pen);
  return pixels(pen);
}

const white = {ink: "#ffffff", edge: "#ffffff"}, dark = {ink: "#111111", edge: "#111111"};
/** Key of a task by its state: planned, asked, held, done, refused; `!` before it when escalated. */
export const TASK_SIGN = {
  planned: "planned", sent: "asked", received: "asked", accepted: "held", "en-route": "held",
  "on-site": "held", done: "done", declined: "refused", failed: "refused", recalled: "over",
};
const TASKS = {
  planned: {shape: "diamond", text: "–", fill: "#ffffff", ...dark},
  asked: {shape: "diamond", text: "?", fill: "#fff3b0", ...dark},
  held: {shape: "diamond", text: "→", fill: "#0b4a8f", ...white},
  done: {shape: "diamond", text: "✓", fill: "#0b6e4f", ...white},
  refused: {shape: "diamond", text: "✕", fill: "#c4001a", ...white},
  over: {shape: "diamond", text: "·", fill: "#dddddd", ...dark},
};
const SIGNS = {
  "team": {shape: "circle", text: "T", fill: "#0b4a8f", ...white},
  "team-busy": {shape: "circle", text: "T", fill: "#ffffff", ink: "#0b4a8f", edge: "#0b4a8f"},
  "team-off": {shape: "circle", text: "T", fill: "#6b7280", ...white},
  "shelter": {shape: "square", text: "S", fill: "#ffffff", ...dark},
  "shelter-full": {shape: "square", text: "S", fill: "#111111", ...white},
  "report": {shape: "speech", text: "L", fill: "#5b2a86", ...white},
  "report-closed": {shape: "speech", text: "L", fill: "#ffffff", ink: "#5b2a86", edge: "#5b2a86"},
  "place": {shape: "square", text: "◉", fill: "#0f5f5f", ...white},
  "area": {shape: "circle", text: "?", fill: "#ffffff", ...dark},
};

/** Put every sign and pattern into the map; `scale` 1 at a desk, 2 on a wall. */
export function addSigns(map, theme, scale = 1) {
  const put = (name, image) => map.addImage(name, image, {pixelRatio: RATIO});
  for (const [name, one] of Object.entries(SIGNS)) put(name, sign(one, 20 * scale));
  for (const [name, one] of Object.entries(TASKS)) {
    put(`task-${name}`, sign(one, 22 * scale));
    put(`task-${name}-escalated`, sign({...one, alarm: true}, 32 * scale));
  }
  map.addImage("bare", box(), {pixelRatio: RATIO, stretchX: [[12, 28]], stretchY: [[12, 28]], content: [8, 8, 32, 32]});
  put("quake", cross(26 * scale, theme));
  put("unknown", hatch(12, (pen) => lines(pen, 12, theme.edge[-1], 1.2)));
  put("top", hatch(8, (pen) => dots(pen, 8, theme)));
  put("zone", hatch(12, (pen) => lines(pen, 12, "#6a1b9a", 2)));
}

/** A dashed frame that grows with its text. */
function box() {
  const pen = canvas(20);
  pen.fillStyle = "#ffffff";
  pen.fillRect(1, 1, 18, 18);
  pen.strokeStyle = "#111111";
  pen.lineWidth = 2;
  pen.strokeRect(1.5, 1.5, 17, 17);
  return pixels(pen);
}

function lines(pen, size, colour, width) {
  pen.strokeStyle = colour;
  pen.lineWidth = width;
  pen.beginPath();
  for (const shift of [-size, 0, size]) { pen.moveTo(shift, size); pen.lineTo(shift + size, 0); }
  pen.stroke();
}

/** Its own ground: where villages share an area, the highest level must not lie under another. */
function dots(pen, size, theme) {
  pen.fillStyle = theme.levels[4];
  pen.fillRect(0, 0, size, size);
  pen.fillStyle = theme.dots;
  pen.beginPath();
  pen.arc(size / 2, size / 2, 1.1, 0, 2 * Math.PI);
  pen.fill();
}
