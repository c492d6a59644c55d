// Valhalla's `sources_to_targets` (https://valhalla.github.io/valhalla/api/matrix/api-reference/), for cars.
//
//   POST /sources_to_targets   {"sources": [{"lat", "lon"}, …], "targets": [{"lat", "lon"}], "costing": "auto", "verbose": false}
//   {"sources_to_targets": {"durations": [[101], [null]], …}, …}        // seconds, of version 3.5 and later
//   {"sources_to_targets": [[{"time": 101, …}], [{"time": null, …}]]}    // of older ones, which know no `verbose`
//   {"error_code": 171, "error": "No suitable edges near location", …}   // with 400

import { z } from 'zod';
import { degrees, type RoutingProtocol } from './protocol.ts';

const COSTING = 'auto';

const SECONDS = z.number().min(0).nullable();
const ANSWER = z.object({
  sources_to_targets: z.union([
    z.object({ durations: z.array(z.tuple([SECONDS])) }).transform(({ durations }) => durations.map(([time]) => time)),
    z.array(z.tuple([z.object({ time: SECONDS })])).transform((rows) => rows.map(([{ time }]) => time)),
  ]),
});
const REFUSAL = z.object({ error_code: z.number() });

/** @param path with `/sources_to_targets` at its end */
export function valhalla(path: string): RoutingProtocol {
  return {
    name: 'valhalla',
    request(from, rows, lat, lon) {
      let sources = '';
      for (const row of rows) sources += `${sources === '' ? '' : ','}${location(from.lat(row), from.lon(row))}`;
      const body = `{"sources":[${sources}],"targets":[${location(lat, lon)}],"costing":"${COSTING}","verbose":false}`;
      return { method: 'POST', path, body };
    },
    read(answer, count) {
      const seconds = ANSWER.safeParse(answer).data?.sources_to_targets;
      return seconds?.length === count ? seconds : undefined;
    },
    isRefusal: (answer) => REFUSAL.safeParse(answer).success,
  };
}

function location(lat: number, lon: number): string {
  return `{"lat":${degrees(lat)},"lon":${degrees(lon)}}`;
}
