"use strict";
// Areas in the colours of the page's own data block. Texts are set as text, never as markup.
(() => {
  const map = window.map_situation;
  const data = JSON.parse(document.getElementById("areas").textContent);
  const unit = data.units_per_degree;
  const ring = (flat) => {
    const out = [];
    let x = 0, y = 0;
    for (let i = 0; i < flat.length; i += 2) {
      x += flat[i]; y += flat[i + 1];
      out.push([y / unit, x / unit]);
    }
    return out;
  };
  const told = (texts) => {
    const box = document.createElement("div");
    texts.forEach((text, i) => {
      const line = document.createElement(i ? "div" : "b");
      line.textContent = text;
      box.append(line);
    });
    return box;
  };
  const weight = data.shape.length > 1500 ? 0.25 : 0.7;
  data.shape.forEach((polygons, i) => {
    if (!polygons.length) return;
    L.polygon(polygons.map((rings) => rings.map(ring)), {color: "#444", weight, fillColor: data.fill[i], fillOpacity: 0.75})
      .bindTooltip(() => told(data.tip[i]), {sticky: true}).addTo(map);
  });
  for (const line of data.lines) {
    L.polyline(line, {color: "#333", weight: 0.8, interactive: false}).addTo(map);
  }
  for (const [latitude, longitude, label] of data.points) {
    L.circleMarker([latitude, longitude], {radius: 6, color: "#08519c", fillColor: "#fff", fillOpacity: 1})
      .bindTooltip(() => told([label])).addTo(map);
  }
  const list = document.querySelector("#legend");
  for (const [colour, text] of data.legend) {
    const item = document.createElement("li"), box = document.createElement("i");
    box.style.background = colour;
    item.append(box, text);
    list.append(item);
  }
  L.control.scale({imperial: false}).addTo(map);
  map.fitBounds(data.view);
})();
