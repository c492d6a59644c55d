// Option values from text, with commander's error for what is none; and how numbers are shown.

import { InvalidArgumentError } from 'commander';

/** A parser of numbers within `min`..`max`. */
export function numberWithin(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (!(value >= min && value <= max)) throw new InvalidArgumentError(`It must be a number within ${min}..${max}.`);
    return value;
  };
}

/** A parser of whole numbers within `min`..`max`. */
export function wholeWithin(min: number, max: number): (text: string) => number {
  const parse = numberWithin(min, max);
  return (text) => {
    const value = parse(text);
    if (!Number.isInteger(value)) throw new InvalidArgumentError('It must be a whole number.');
    return value;
  };
}

/** A parser of `a,b,c`. */
export function listOf(text: string): string[] {
  const items = text.split(',').map((item) => item.trim());
  if (items.includes('')) throw new InvalidArgumentError('It must be a list separated by commas.');
  return items;
}

const GROUPS = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

/** 1234567 → '1,234,567' */
export function grouped(value: number): string {
  return GROUPS.format(value);
}

/** 3.2e8 → '305 MiB' */
export function bytesText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** Metres as people say them: '83 m', '1.25 km'. */
export function metersText(meters: number): string {
  return meters < 1000 ? `${Math.round(meters)} m` : `${(meters / 1000).toFixed(2)} km`;
}

/** Seconds as people say them: '0.4 s', '12 s', '3 min', '5.2 h', '2.0 d'. */
export function secondsText(seconds: number): string {
  const size = Math.abs(seconds);
  if (size < 10) return `${seconds.toFixed(1)} s`;
  if (size < 120) return `${Math.round(seconds)} s`;
  if (size < 7200) return `${Math.round(seconds / 60)} min`;
  return size < 172_800 ? `${(seconds / 3600).toFixed(1)} h` : `${(seconds / 86_400).toFixed(1)} d`;
}

/** Microseconds as people say them: '3.4 µs', '250 µs', '1.5 ms'; '-' for none. */
export function microsText(micros: number | null): string {
  if (micros === null) return '-';
  return micros < 1000 ? `${micros.toFixed(micros < 10 ? 1 : 0)} µs` : `${(micros / 1000).toFixed(1)} ms`;
}

/** Ids and tags are anybody's text: what would steer a terminal is shown, not sent. */
export function printable(text: string): string {
  return text.replaceAll(
    /[\p{Cc}\p{Cf}]/gu,
    (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  );
}
