// What is in a data directory or a backup, counted entry by entry, for people: raziel inspect, and what backup and restore say they did.

import { readBlock, readBlockHeader } from '../drivers/stored-block.ts';
import { reservedMs } from '../ids/reservation.ts';
import { describeStored } from '../zoning/archive.ts';
import type { DATABASES } from './databases.ts';
import { unseal } from './envelope.ts';
import { FORMAT_KEY, readFormat } from './format.ts';

export interface LayerFound {
  readonly name: string;
  readonly version: number;
  readonly zones: number;
  /** As it is stored. */
  readonly bytes: number;
}

export class Contents {
  /** Of the data; 0 when it says none. */
  formatVersion = 0;
  drivers = 0;
  /** Records of drivers that are not what was written; a server drops them. */
  damagedDrivers = 0;
  /** Batches of fixes that a start applies once more. */
  loggedBatches = 0;
  /** Of all layers. */
  zonesVersion = 0;
  readonly layers: LayerFound[] = [];
  /** Of learned traffic. */
  learnedBytes = 0;
  /** Up to when ids are reserved, in milliseconds of the ids' own epoch; undefined when none was ever made. */
  idsReservedMs: number | undefined;
  /** What is wrong with values whose bytes could be read. */
  readonly faults: string[] = [];
  readonly #isDeep: boolean;

  /** @param isDeep looks at every record of drivers, too */
  constructor(isDeep: boolean) {
    this.#isDeep = isDeep;
  }

  add(database: (typeof DATABASES)[number], key: Buffer, value: () => Buffer): void {
    switch (database) {
      case 'drivers':
        this.#addBlock(key.readUInt32LE(), value());
        return;
      case 'log':
        this.loggedBatches++;
        return;
      case 'meta':
        if (key.toString() === FORMAT_KEY) this.formatVersion = readFormat(value());
        return;
      case 'state':
        this.#addState(key.toString(), value());
    }
  }

  #addBlock(block: number, bytes: Buffer): void {
    if (!this.#isDeep) {
      this.drivers += readBlockHeader(block, bytes).drivers;
      return;
    }
    const found = readBlock(block, bytes);
    this.drivers += found?.drivers.length ?? 0;
    // How many a block without a header has nobody knows.
    this.damagedDrivers += found?.damaged ?? 1;
  }

  #addState(key: string, sealed: Buffer): void {
    const value = unseal(key, sealed);
    if (value === undefined) {
      this.faults.push(`the value of ${JSON.stringify(key)} is not what was written`);
      return;
    }
    try {
      if (key.startsWith('eta/')) this.learnedBytes += value.length;
      else if (key.startsWith('ids/')) this.idsReservedMs = reservedMs(value);
      else if (key.startsWith('zones/')) {
        const { version, layer } = describeStored(key, value);
        if (layer === undefined) this.zonesVersion = version;
        else this.layers.push({ ...layer, version, bytes: value.length });
      }
    } catch (error) {
      this.faults.push((error as Error).message);
    }
  }
}
