"use strict";
// Draws what the page's own data block says. Texts are set as text, never as markup.
(() => {
  const map = window.map_situation;
  const data = JSON.parse(document.getElementById("situation").textContent);
  const unit = data.units_per_degree;
  const fills = {"-1": "#b9bec6", 0: "#ffffff", 1: "#cfe3f1", 2: "#ffe066", 3: "#f58518", 4: "#a50026"};
  const count = new Intl.NumberFormat("id-ID");

  const ring = (flat) => {
    const out = [];
    let x = 0, y = 0;
    for (let i = 0; i < flat.length; i += 2) {
      x += flat[i]; y += flat[i + 1];
      out.push([y / unit, x / unit]);
    }
    return out;
  };
  const shape = (polygons) => polygons.map((rings) => rings.map(ring));
  const lines = (texts) => {
    const box = document.createElement("div");
    texts.filter(Boolean).forEach((text, i) => {
      const line = document.createElement(i ? "div" : "b");
      line.textContent = text;
      box.append(line);
    });
    return box;
  };
  const sign = (name, letter, size) => {
    const text = document.createElement("span");
    text.textContent = letter;
    return L.divIcon({className: "sign " + name, html: text, iconSize: [size, size]});
  };

  const land = L.layerGroup(), villages = L.layerGroup(), uncovered = L.layerGroup();
  const teams = L.layerGroup(), shelters = L.layerGroup(), marks = L.layerGroup(), names = L.layerGroup();
  const unknown = new Set(data.unknown_provinces), warned = L.layerGroup();
  for (const province of data.land) {
    const at = shape(province.shape);
    L.polygon(at, {color: "#8d97a2", weight: 0.7, fillColor: "#fbfaf6", fillOpacity: 1, interactive: false}).addTo(land);
    if (unknown.has(province.code)) {
      L.polygon(at, {color: "#111", weight: 2, dashArray: "6 5", fillColor: "#b9bec6", fillOpacity: 0.55, interactive: false}).addTo(warned);
    }
  }

  const v = data.villages;
  const told = (i) => lines([
    v.name[i],
    [v.district[i] && "Kec. " + v.district[i], v.regency[i]].filter(Boolean).join(", "),
    v.merged[i] > 1 ? count.format(v.merged[i]) + " desa/kelurahan" : "",
    data.levels[v.level[i]] + " · " + (data.hazards[v.hazard_id[i]] || v.hazard_id[i]),
    "Penduduk " + count.format(v.people[i]) + " · terpapar " + count.format(v.exposed[i]),
    v.team_minutes[i] === null ? "Tidak ada tim yang diketahui" : "Tim terdekat " + count.format(v.team_minutes[i]) + " menit (belum termasuk persiapan)",
    v.uncovered[i] > 0 ? "Tak terjangkau dalam 60 menit: " + count.format(v.uncovered[i]) + " orang" : "",
  ]);
  const many = v.level.length > 1500;
  // The highest level is drawn last, so that a neighbour's border never covers it.
  const order = [...v.shape.keys()].sort((a, b) => v.level[a] - v.level[b]);
  for (const i of order) {
    if (!v.shape[i].length) continue;
    const level = v.level[i], at = shape(v.shape[i]);
    L.polygon(at, {
      color: "#444", weight: many ? 0.25 : 0.7, fillColor: fills[level] || fills[-1], fillOpacity: 0.78,
      dashArray: level < 0 ? "4 3" : null,
    }).bindTooltip(() => told(i), {sticky: true}).addTo(villages);
    if (v.uncovered[i] > 0) {
      L.polygon(at, {color: "#111", weight: 2, dashArray: "5 4", fill: false, interactive: false}).addTo(uncovered);
    }
  }
  for (const t of data.teams) {
    L.marker([t.latitude, t.longitude], {icon: sign(t.on_duty ? "team" : "team off", "T", 16), keyboard: false})
      .bindTooltip(() => lines([t.name, "Tim Tagana · " + count.format(t.members) + " anggota", t.on_duty ? "" : "tidak bertugas (off duty)"])).addTo(teams);
  }
  for (const s of data.shelters) {
    L.marker([s.latitude, s.longitude], {icon: sign("shelter", "S", 16), keyboard: false})
      .bindTooltip(() => lines([s.name, "Tempat aman · daya tampung " + count.format(s.capacity)])).addTo(shelters);
  }
  for (const m of data.marks) {
    L.marker([m.latitude, m.longitude], {icon: sign("cross", "✕", 24), keyboard: false}).bindTooltip(() => lines([m.label])).addTo(marks);
  }
  for (const u of data.unknown_areas) {
    L.marker([u.latitude, u.longitude], {icon: sign("unknown", "?", 26), keyboard: false})
      .bindTooltip(() => lines([u.province, "Diperingatkan BMKG, wilayah tidak diketahui", u.title])).addTo(marks);
  }
  for (const n of data.names) {
    const text = document.createElement("span");
    text.textContent = n.name;
    L.marker([n.latitude, n.longitude], {icon: L.divIcon({className: "place", html: text, iconSize: [160, 14]}), interactive: false, keyboard: false}).addTo(names);
  }

  const groups = {};
  for (const [label, group] of [
    ["Daratan", land], ["Wilayah tidak diketahui", warned], ["Desa menurut tingkat", villages], ["Tak terjangkau Tagana", uncovered], ["Tim Tagana", teams],
    ["Tempat aman", shelters], ["Tanda", marks], ["Nama kabupaten/kota", names],
  ]) {
    if (group.getLayers().length) groups[label] = group.addTo(map);
  }
  L.control.layers(null, groups, {collapsed: true}).addTo(map);
  const legend = L.control({position: "bottomleft"});
  legend.onAdd = () => {
    const box = document.getElementById("legend");
    box.open = window.innerWidth > 720;
    L.DomEvent.disableClickPropagation(box);
    return box;
  };
  legend.addTo(map);
  L.control.scale({imperial: false, position: "bottomright"}).addTo(map);
  map.attributionControl.setPrefix(false).addAttribution(document.createTextNode(data.credit).textContent);

  // From afar posts would hide the villages, and names each other: drawn when there is room.
  const hidden = new Set();
  const thin = () => {
    const view = map.getBounds();
    for (const [group, most] of [[teams, 40], [shelters, 30]]) {
      const inside = group.getLayers().filter((one) => view.contains(one.getLatLng())).length;
      if (inside > most && map.hasLayer(group)) { map.removeLayer(group); hidden.add(group); }
      if (inside <= most && hidden.delete(group)) map.addLayer(group);
    }
    const weight = map.getZoom() < 9 ? 0.8 : 2;
    uncovered.eachLayer((one) => one.setStyle({weight}));
    const taken = [];
    names.eachLayer((one) => {
      const p = map.latLngToContainerPoint(one.getLatLng());
      const free = taken.every((q) => Math.abs(p.x - q.x) > 130 || Math.abs(p.y - q.y) > 18);
      if (free) taken.push(p);
      if (one.getElement()) one.getElement().hidden = !free;
    });
  };
  map.on("zoomend moveend", thin);
  map.fitBounds(data.bounds, {padding: [20, 20], maxZoom: 11, animate: false});
  thin();
  document.documentElement.dataset.ready = "yes";
})();
