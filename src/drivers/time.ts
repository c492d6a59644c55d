// Times on input: ISO 8601 in the one profile that devices send, to milliseconds since the Unix epoch.
//
//   parseIsoTime('2014-09-18T00:26:40.5Z')     // 1411000000500
//   parseIsoTime('2014-09-18T02:26+02:00')     // 1410999960000
//   parseIsoTime('2014-02-30T00:00:00Z')       // undefined: no such day
//
// Profile: YYYY-MM-DDTHH:MM[:SS[.fraction]] and Z, ±HH:MM or ±HHMM. Capital T and Z, no space, no comma, no week dates, no 24:00 and
// no leap second. Digits of the fraction past the millisecond are dropped, not rounded. Hours 0–23 and minutes 0–59, in the offset too.

const PROFILE = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(?:Z|([+-])(\d\d):?(\d\d))$/;

/** Milliseconds since the epoch; undefined when the text is not of the profile, names no real time, or lies before 1970. */
export function parseIsoTime(text: string): number | undefined {
  const match = PROFILE.exec(text);
  if (match === null) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((part) => Number(part ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const offsetHour = Number(match[9] ?? 0);
  const offsetMinute = Number(match[10] ?? 0);
  // Date.UTC reads years below 100 as 19xx; nothing before the last day of 1969 can be 0 or more in any offset.
  if (year < 1969 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return undefined;
  if (hour > 23 || minute > 59 || second > 59 || offsetHour > 23 || offsetMinute > 59) return undefined;
  const millis = Number((match[7] ?? '').slice(0, 3).padEnd(3, '0'));
  const offsetMs = (offsetHour * 60 + offsetMinute) * 60_000 * (match[8] === '-' ? -1 : 1);
  const time = Date.UTC(year, month - 1, day, hour, minute, second, millis) - offsetMs;
  return time >= 0 ? time : undefined;
}

function daysIn(year: number, month: number): number {
  return new Date(Date.UTC(year, month, 0)).getUTCDate();
}
