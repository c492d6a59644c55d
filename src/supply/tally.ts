// Counts drivers by H3 cell and tag: the arithmetic of supply, wherever it runs.

import { latLngToCell } from 'h3-js';
import type { ScannedDriver } from '../drivers/engine.ts';
import { RazielError } from '../errors.ts';
import { SUPPLY_CELLS_MAX } from '../limits.ts';
import type { SupplyQuery } from '../protocol/requests.ts';

export interface SupplyCell {
  /** H3 index. */
  readonly cell: string;
  readonly count: number;
  /** How many of them carry each tag. */
  readonly tags: Readonly<Record<string, number>>;
}

interface Cell {
  count: number;
  readonly tags: Map<string, number>;
}

export class SupplyTally {
  readonly #query: SupplyQuery;
  readonly #cells = new Map<string, Cell>();

  constructor(query: SupplyQuery) {
    this.#query = query;
  }

  /** @throws RazielError SEARCH_TOO_WIDE past SUPPLY_CELLS_MAX cells */
  add(driver: ScannedDriver): void {
    if (!isCounted(this.#query, driver)) return;
    const name = latLngToCell(driver.lat, driver.lon, this.#query.resolution);
    let cell = this.#cells.get(name);
    if (cell === undefined) {
      if (this.#cells.size === SUPPLY_CELLS_MAX) {
        const message = `supply counts at most ${SUPPLY_CELLS_MAX} cells; take a coarser resolution or a smaller bbox`;
        throw new RazielError('SEARCH_TOO_WIDE', message);
      }
      cell = { count: 0, tags: new Map() };
      this.#cells.set(name, cell);
    }
    cell.count++;
    for (const tag of driver.tags) cell.tags.set(tag, (cell.tags.get(tag) ?? 0) + 1);
  }

  /** The cells that hold a driver, by name; tags by name. */
  cells(): SupplyCell[] {
    const names = [...this.#cells.keys()].sort();
    return names.map((cell) => {
      const { count, tags } = this.#cells.get(cell) as Cell;
      return { cell, count, tags: Object.fromEntries([...tags].sort(([a], [b]) => (a < b ? -1 : 1))) };
    });
  }
}

/** Whether the driver is inside the query's bbox, edges included, and carries all its tags. */
function isCounted({ bbox, tags }: SupplyQuery, driver: ScannedDriver): boolean {
  const { lat, lon } = driver;
  if (lat < bbox.south || lat > bbox.north) return false;
  const isInside = bbox.west <= bbox.east ? lon >= bbox.west && lon <= bbox.east : lon >= bbox.west || lon <= bbox.east;
  // −180 and 180 are one meridian, and at a pole every longitude is the same place.
  const isOnEdge = Math.abs(lon) === 180 && (Math.abs(bbox.west) === 180 || Math.abs(bbox.east) === 180);
  if (!isInside && !isOnEdge && Math.abs(lat) !== 90) return false;
  for (const tag of tags) if (!driver.tags.includes(tag)) return false;
  return true;
}
