// Draws a layer of zones as an SVG picture: a file, or the GeoJSON that a server answers.
//
//   node docs/tools/draw-zones.mjs fixtures/zones/districts.geojson docs/districts.svg --box -22.15,63.97,-21.65,64.2
//   raziel zones get districts | node docs/tools/draw-zones.mjs - districts.svg
//
// Longitude and latitude as they are, narrowed by the cosine of the middle latitude. Zones of higher priority are drawn last and darker; the
// name in `properties.name`, else the id, stands in the middle of each zone's box. Rings are filled by the even-odd rule, as lookups do.

import { readFileSync, writeFileSync } from 'node:fs';

const WIDTH = 900;
const [source, target, flag, boxText] = process.argv.slice(2);
if (
  source === undefined ||
  target === undefined ||
  (flag !== undefined && (flag !== '--box' || boxText === undefined))
) {
  console.error('usage: draw-zones.mjs LAYER.geojson|- OUT.svg [--box WEST,SOUTH,EAST,NORTH]');
  process.exit(2);
}

const { features } = JSON.parse(readFileSync(source === '-' ? 0 : source, 'utf8'));
const polygonsOf = ({ geometry: { type, coordinates } }) => (type === 'Polygon' ? [coordinates] : coordinates);
const positionsOf = (feature) => polygonsOf(feature).flat(2);
const boxOf = (positions) => {
  const lons = positions.map(([lon]) => lon);
  const lats = positions.map(([, lat]) => lat);
  return [Math.min(...lons), Math.min(...lats), Math.max(...lons), Math.max(...lats)];
};

const [west, south, east, north] =
  boxText === undefined ? boxOf(features.flatMap(positionsOf)) : boxText.split(',').map(Number);
const stretch = Math.cos((((south + north) / 2) * Math.PI) / 180);
const scale = WIDTH / ((east - west) * stretch);
const height = Math.round((north - south) * scale);
const x = (lon) => ((lon - west) * stretch * scale).toFixed(1);
const y = (lat) => ((north - lat) * scale).toFixed(1);
const escape = (text) => String(text).replaceAll(/[&<>"]/g, (character) => `&#${character.codePointAt(0)};`);

const priorityOf = ({ properties }) => properties?.priority ?? 0;
const isInPicture = (feature) => {
  const [w, s, e, n] = boxOf(positionsOf(feature));
  return w <= east && e >= west && s <= north && n >= south;
};

const shapes = features
  .filter(isInPicture)
  .toSorted((a, b) => priorityOf(a) - priorityOf(b))
  .map((feature, i) => {
    const path = polygonsOf(feature)
      .flat()
      .map((ring) => `M${ring.map(([lon, lat]) => `${x(lon)} ${y(lat)}`).join('L')}Z`)
      .join('');
    const [w, s, e, n] = boxOf(positionsOf(feature));
    const hue = (i * 47) % 360;
    const fill = priorityOf(feature) > 0 ? 'hsl(10 80% 45%)' : `hsl(${hue} 45% 75%)`;
    const isWide = (e - w) * stretch * scale > 50;
    // A hole in the middle leaves no room for the name; it goes to the top then.
    const isHollow = polygonsOf(feature).some((rings) => rings.length > 1);
    const label = escape(feature.id ?? feature.properties?.id ?? '');
    const place = `x="${x((w + e) / 2)}" y="${isHollow ? (Number(y(n)) + 16).toFixed(1) : y((s + n) / 2)}"`;
    return (
      `<path d="${path}" fill="${fill}" fill-opacity="0.6" fill-rule="evenodd" stroke="#333"/>` +
      (isWide ? `<text ${place} text-anchor="middle">${label}</text>` : '')
    );
  });

writeFileSync(
  target,
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12">\n` +
    `<rect width="${WIDTH}" height="${height}" fill="#eef3f6"/>\n${shapes.join('\n')}\n</svg>\n`,
);
