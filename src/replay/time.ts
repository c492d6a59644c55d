// Times as files write them: seconds or milliseconds since the Unix epoch, or a calendar date and time.
//
//   parseTime('1211353200', 'auto')             // 1211353200000
//   parseTime('2015-06-07T08:15:59-05:00', …)   // 1433682959000
//   parseTime('2014/4/1 00:11:00', …)           // 1396311060000: UTC where the text names no offset

export type TimeUnit = 's' | 'ms' | 'iso' | 'auto';

export const TIME_UNITS: readonly TimeUnit[] = ['s', 'ms', 'iso', 'auto'];

/**
 * A number below this is seconds, and from it on milliseconds, for the unit `auto`: as seconds it is the year 5138, as
 * milliseconds March 1973.
 */
const SECONDS_BELOW = 1e11;

const CALENDAR =
  /^(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d+))?)?)? ?(?:Z|UTC|([+-])(\d{2}):?(\d{2})?)?$/i;

/** Milliseconds since the epoch, or undefined for what is no time. */
export function parseTime(value: string | number, unit: TimeUnit): number | undefined {
  const text = typeof value === 'string' ? value.trim() : value;
  if (unit !== 'iso' && text !== '') {
    const number = Number(text);
    if (Number.isFinite(number)) {
      const inSeconds = unit === 's' || (unit === 'auto' && Math.abs(number) < SECONDS_BELOW);
      return Math.round(inSeconds ? number * 1000 : number);
    }
  }
  return unit === 's' || unit === 'ms' ? undefined : calendarTime(String(text));
}

function calendarTime(text: string): number | undefined {
  const match = CALENDAR.exec(text);
  if (match === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match
    .slice(1, 7)
    .map((part) => Number(part ?? 0));
  const millis = Number((match[7] ?? '').slice(0, 3).padEnd(3, '0'));
  const time = Date.UTC(year, month - 1, day, hour, minute, second, millis);
  const back = new Date(time);
  // 30 February and 25:00 come back as another day.
  if (back.getUTCMonth() !== month - 1 || back.getUTCDate() !== day || minute > 59 || second > 59) return undefined;
  const offsetMinutes = Number(match[9] ?? 0) * 60 + Number(match[10] ?? 0);
  return time - (match[8] === '-' ? -1 : 1) * offsetMinutes * 60_000;
}
