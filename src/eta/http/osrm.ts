// OSRM's `table` service (https://project-osrm.org/docs/v5.24.0/api/#table-service): coordinates in the path, the pickup last.
//
//   GET /table/v1/driving/-122.42,37.77;-122.41,37.78;-122.4,37.79?sources=0;1&destinations=2&annotations=duration&generate_hints=false
//   {"code": "Ok", "durations": [[101.4], [null]], …}                   // seconds; null where there is no way
//   {"code": "NoSegment", "message": …}                                 // with 400

import { z } from 'zod';
import { degrees, type RoutingProtocol } from './protocol.ts';

const ANSWER = z.object({
  code: z.literal('Ok'),
  durations: z.array(z.tuple([z.number().min(0).nullable()])),
});
const REFUSAL = z.object({ code: z.string() });

/** @param path up to the profile: `/table/v1/driving` */
export function osrm(path: string): RoutingProtocol {
  return {
    name: 'osrm',
    request(from, rows, lat, lon) {
      let coordinates = '';
      let sources = '';
      for (let i = 0; i < rows.length; i++) {
        const row = rows[i] as number;
        coordinates += `${degrees(from.lon(row))},${degrees(from.lat(row))};`;
        sources += i === 0 ? '0' : `;${i}`;
      }
      coordinates += `${degrees(lon)},${degrees(lat)}`;
      const options = `sources=${sources}&destinations=${rows.length}&annotations=duration&generate_hints=false`;
      return { method: 'GET', path: `${path}/${coordinates}?${options}` };
    },
    read(answer, count) {
      const { data } = ANSWER.safeParse(answer);
      return data?.durations.length === count ? data.durations.map(([seconds]) => seconds) : undefined;
    },
    isRefusal: (answer) => REFUSAL.safeParse(answer).success,
  };
}
