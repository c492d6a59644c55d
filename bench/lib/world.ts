// The world that every benchmark runs in: drivers in clustered cities, the same ones for the same seed.
//
// A city has about 25,000 drivers on average, some have a tenth of that and some five times as many; its area grows with them, so that a
// square kilometre holds about a hundred drivers whatever the size of the world is. Sixty percent of a city's drivers stand about hot spots
// (a station, a stadium, a street of bars), the others are spread from the middle outwards.
//
//   const world = new World(1_000_000, 1);
//   world.move(42, 4);                           // driver 42 drives for four seconds
//   world.lat[42], world.lon[42]

import { seededRandom } from '#dist/demo/random.js';

const DRIVERS_PER_CITY = 25_000;
const DRIVERS_PER_SQUARE_KM = 100;
/** A group of hot spots serves so many drivers and is shared out among its spots like this. */
const DRIVERS_PER_GROUP = 4_000;
const SPOT_SHARES = [0.3, 0.2, 0.15, 0.1, 0.1, 0.05, 0.05, 0.05];
const SHARE_AT_SPOTS = 0.6;
const METERS_PER_DEGREE = 111_195;

interface Spot {
  readonly east: number;
  readonly north: number;
  readonly sigmaMeters: number;
}

interface City {
  readonly lat: number;
  readonly lon: number;
  readonly radiusMeters: number;
  /** In groups of SPOT_SHARES.length. */
  readonly spots: readonly Spot[];
}

/** Where cities may lie, degrees. */
export interface CityBox {
  readonly south: number;
  readonly north: number;
  readonly west: number;
  readonly east: number;
}

/** All over the world, but for its ends. */
const EVERYWHERE: CityBox = { south: -50, north: 60, west: -179, east: 179 };

export class World {
  readonly drivers: number;
  readonly seed: number;
  readonly lat: Float64Array;
  readonly lon: Float64Array;
  /** Degrees clockwise from north, whole ones. */
  readonly heading: Uint16Array;
  /** Metres per second, with one decimal. */
  readonly speed: Float64Array;
  readonly #random: () => number;
  readonly #cities: CityBox;

  constructor(drivers: number, seed: number, cities: CityBox = EVERYWHERE) {
    this.#cities = cities;
    this.drivers = drivers;
    this.seed = seed;
    this.lat = new Float64Array(drivers);
    this.lon = new Float64Array(drivers);
    this.heading = new Uint16Array(drivers);
    this.speed = new Float64Array(drivers);
    this.#random = seededRandom(seed);
    this.#populate();
  }

  /** The driver turns a little, changes its speed and drives on for that long: tens of metres in four seconds. */
  move(driver: number, seconds: number): void {
    const random = this.#random;
    const turned = (this.heading[driver] as number) + Math.round((random() + random() - 1) * 40);
    const heading = (turned + 360) % 360;
    const speed =
      Math.round(Math.min(25, Math.max(2, (this.speed[driver] as number) + (random() - 0.5) * 6)) * 10) / 10;
    const radians = (heading * Math.PI) / 180;
    const degrees = (speed * seconds) / METERS_PER_DEGREE;
    const lat = this.lat[driver] as number;
    this.heading[driver] = heading;
    this.speed[driver] = speed;
    this.lat[driver] = lat + degrees * Math.cos(radians);
    this.lon[driver] = (this.lon[driver] as number) + (degrees * Math.sin(radians)) / Math.cos((lat * Math.PI) / 180);
  }

  /** A place to search from, as [lat, lon]: some hundred metres from a driver. */
  placeToAsk(): [number, number] {
    const driver = Math.floor(this.#random() * this.drivers);
    const lat = this.lat[driver] as number;
    const [east, north] = this.#normalPair(300);
    return offset(lat, this.lon[driver] as number, east, north);
  }

  /** Brings drivers into a random order. */
  shuffle(drivers: Uint32Array): void {
    for (let i = drivers.length - 1; i > 0; i--) {
      const j = Math.floor(this.#random() * (i + 1));
      const kept = drivers[i] as number;
      drivers[i] = drivers[j] as number;
      drivers[j] = kept;
    }
  }

  #populate(): void {
    const count = Math.max(1, Math.round(this.drivers / DRIVERS_PER_CITY));
    const weights = Array.from({ length: count }, (_, rank) => 1 / (rank + 3) ** 0.8);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    let from = 0;
    let weightSoFar = 0;
    for (const weight of weights) {
      weightSoFar += weight;
      const to = Math.round((this.drivers * weightSoFar) / total);
      this.#settle(this.#city(to - from), from, to);
      from = to;
    }
  }

  #city(drivers: number): City {
    const random = this.#random;
    const radiusMeters = Math.sqrt(drivers / (Math.PI * DRIVERS_PER_SQUARE_KM)) * 1000;
    const spots = Array.from({ length: SPOT_SHARES.length * Math.ceil(drivers / DRIVERS_PER_GROUP) }, () => {
      const angle = random() * 2 * Math.PI;
      const distance = radiusMeters * Math.sqrt(random());
      return { east: distance * Math.cos(angle), north: distance * Math.sin(angle), sigmaMeters: 150 + random() * 450 };
    });
    const { south, north, west, east } = this.#cities;
    return { lat: south + random() * (north - south), lon: west + random() * (east - west), radiusMeters, spots };
  }

  #settle(city: City, from: number, to: number): void {
    const random = this.#random;
    for (let driver = from; driver < to; driver++) {
      const [east, north] = random() < SHARE_AT_SPOTS ? this.#atSpot(city) : this.#inTown(city);
      const [lat, lon] = offset(city.lat, city.lon, east, north);
      this.lat[driver] = lat;
      this.lon[driver] = lon;
      this.heading[driver] = Math.floor(random() * 360);
      this.speed[driver] = Math.round((5 + random() * 15) * 10) / 10;
    }
  }

  #atSpot(city: City): [number, number] {
    const random = this.#random;
    const group = Math.floor((random() * city.spots.length) / SPOT_SHARES.length);
    let rest = random();
    let at = 0;
    while (at < SPOT_SHARES.length - 1 && rest >= (SPOT_SHARES[at] as number)) rest -= SPOT_SHARES[at++] as number;
    const spot = city.spots[group * SPOT_SHARES.length + at] as Spot;
    const [east, north] = this.#normalPair(spot.sigmaMeters);
    return [spot.east + east, spot.north + north];
  }

  #inTown(city: City): [number, number] {
    const angle = this.#random() * 2 * Math.PI;
    const distance = city.radiusMeters * this.#random() ** 0.6;
    return [distance * Math.cos(angle), distance * Math.sin(angle)];
  }

  /** Two normally distributed numbers (Box and Muller). */
  #normalPair(sigma: number): [number, number] {
    const length = sigma * Math.sqrt(-2 * Math.log(1 - this.#random()));
    const angle = this.#random() * 2 * Math.PI;
    return [length * Math.cos(angle), length * Math.sin(angle)];
  }
}

function offset(lat: number, lon: number, eastMeters: number, northMeters: number): [number, number] {
  const metersPerLonDegree = METERS_PER_DEGREE * Math.cos((lat * Math.PI) / 180);
  const movedLon = lon + eastMeters / metersPerLonDegree;
  return [
    lat + northMeters / METERS_PER_DEGREE,
    movedLon > 180 ? movedLon - 360 : movedLon < -180 ? movedLon + 360 : movedLon,
  ];
}
