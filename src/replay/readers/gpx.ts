// GPX: the points of tracks, streamed. A point's id is its track's name, else the default (the file's name); heading is `course`,
// and both `course` and `speed` are found directly in the point (GPX 1.0) or anywhere in its extensions, whatever their prefix.

import { type SaxesAttributePlain, SaxesParser } from 'saxes';
import { BAD_FILE, type Entry } from '../entry.ts';
import { entryOf, type FieldOptions, type RawFields } from '../fields.ts';

export interface GpxOptions extends FieldOptions {
  /** For every point, whatever the tracks' names. */
  readonly id?: string;
  readonly idDefault: string;
}

/** Broken XML ends the file: it makes one last entry with the code BAD_FILE. */
export async function* readGpx(
  text: AsyncIterable<string>,
  file: number,
  options: GpxOptions,
): AsyncGenerator<Entry[]> {
  const points = new PointCollector(file, options);
  for await (const piece of text) {
    const isBroken = points.write(piece);
    const entries = points.take();
    if (entries.length > 0) yield entries;
    if (isBroken) return;
  }
  points.end();
  const entries = points.take();
  if (entries.length > 0) yield entries;
}

const LEAVES = new Set(['time', 'speed', 'course', 'heading', 'name']);
/** A leaf's text that is kept at most; a longer one is no value of ours. */
const TEXT_CHARS_MAX = 4096;

class PointCollector {
  readonly #parser = new SaxesParser();
  readonly #file: number;
  readonly #options: GpxOptions;
  #entries: Entry[] = [];
  #path: string[] = [];
  #text = '';
  #trackName = '';
  #point: (RawFields & { line: number }) | undefined;
  #error: Error | undefined;

  constructor(file: number, options: GpxOptions) {
    this.#file = file;
    this.#options = options;
    this.#parser.on('error', (error) => {
      this.#error ??= error;
    });
    this.#parser.on('opentag', ({ name, attributes }) =>
      this.#open(localName(name), attributes as Record<string, unknown>),
    );
    this.#parser.on('text', (text) => {
      if (LEAVES.has(this.#path.at(-1) ?? '') && this.#text.length < TEXT_CHARS_MAX) this.#text += text;
    });
    this.#parser.on('closetag', ({ name }) => this.#close(localName(name)));
  }

  /** True when the XML is broken. */
  write(piece: string): boolean {
    this.#parser.write(piece);
    return this.#faulted();
  }

  end(): void {
    this.#parser.close();
    this.#faulted();
  }

  take(): Entry[] {
    return this.#entries.splice(0);
  }

  #faulted(): boolean {
    if (this.#error === undefined) return false;
    const message = `the XML is broken: ${this.#error.message}`;
    this.#entries.push({
      file: this.#file,
      line: this.#parser.line,
      fix: undefined,
      fault: { code: BAD_FILE, message },
    });
    return true;
  }

  #open(name: string, attributes: Record<string, unknown>): void {
    if (this.#error !== undefined) return;
    if (name === 'trk') this.#trackName = '';
    if (name === 'trkpt') {
      const absent = {
        time: undefined,
        heading: undefined,
        speed: undefined,
        accuracy: undefined,
        tags: undefined,
        ttl: undefined,
      };
      const { lat, lon } = attributes as Record<string, SaxesAttributePlain | string>;
      this.#point = { ...absent, id: '', lat, lon, line: this.#parser.line };
    }
    this.#path.push(name);
    this.#text = '';
  }

  #close(name: string): void {
    if (this.#error !== undefined) return;
    this.#path.pop();
    const text = this.#text.trim();
    const point = this.#point;
    if (name === 'name' && this.#path.at(-1) === 'trk') this.#trackName = text;
    else if (point !== undefined) {
      if (name === 'time') point.time = text;
      else if (name === 'speed') point.speed = text;
      else if (name === 'course' || name === 'heading') point.heading = text;
      else if (name === 'trkpt') {
        const { line, ...raw } = point;
        raw.id = this.#options.id ?? (this.#trackName || this.#options.idDefault);
        this.#entries.push(entryOf(this.#file, line, raw, () => undefined, this.#options));
        this.#point = undefined;
      }
    }
    this.#text = '';
  }
}

function localName(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}
