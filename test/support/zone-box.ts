// A zone of one degree of latitude, for tests that care about its properties.

/** A GeoJSON feature from 37° to 38° north, between two meridians. */
export function zoneBox(id: string, west: number, east: number, properties: object): object {
  const ring = [
    [west, 37],
    [east, 37],
    [east, 38],
    [west, 38],
    [west, 37],
  ];
  return { type: 'Feature', id, properties, geometry: { type: 'Polygon', coordinates: [ring] } };
}
