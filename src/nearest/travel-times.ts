// eta.multitraveltime by its name: the travel times of places that the caller gives, from whatever nearest-driver.search gets them.
//
//   raziel call eta.multitraveltime '{"from":[{"lat":37.78,"lon":-122.41}],"to":{"lat":37.77,"lon":-122.42}}'
//   {"times": [{"eta": 212.5, "etaSource": "learned"}]}

import { nowMs } from '../clock.ts';
import type { Estimate, EtaSource, TravelTimes } from '../eta/travel-times.ts';
import { readTravelTimes, type TravelTimesQuery } from '../protocol/travel-times.ts';
import type { Services } from '../services/services.ts';

interface Times {
  /** In the order of `from`; `eta` in seconds. */
  readonly times: readonly { readonly eta: number; readonly etaSource: EtaSource }[];
}

export function registerTravelTimes(services: Services, travelTimes: TravelTimes): void {
  services.register<TravelTimesQuery, Times | Promise<Times>>({
    name: 'eta.multitraveltime',
    summary: 'How long each of many drivers needs to one place.',
    handle: ({ from, lat, lon }, call) => {
      const seconds = new Float64Array(from.count);
      const answerOf = ({ source, unanswered }: Estimate): Times => ({
        times: Array.from(seconds, (eta, row) => ({ eta, etaSource: unanswered?.[row] === 1 ? 'learned' : source })),
      });
      const estimate = travelTimes.estimate(from, lat, lon, nowMs(), seconds, call);
      return typeof estimate === 'string' ? answerOf({ source: estimate }) : estimate.then(answerOf);
    },
    wire: { read: readTravelTimes, access: 'search' },
  });
}
