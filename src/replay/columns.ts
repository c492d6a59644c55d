// Which column of a file is which field of a fix: as `--map` says, else guessed from the names that feeds commonly use.

import { RazielError } from '../errors.ts';

const FIELDS = ['id', 'lat', 'lon', 'time', 'heading', 'speed', 'accuracy', 'tags', 'ttl'] as const;
export type Field = (typeof FIELDS)[number];

/** Names by field, most certain first, compared in lower case without anything but letters and digits. */
const NAMES: Record<Field, readonly string[]> = {
  id: [
    'id',
    'vehicleid',
    'cabid',
    'taxiid',
    'driverid',
    'deviceid',
    'busid',
    'unitid',
    'trackid',
    'mmsi',
    'imei',
    'vehicle',
    'cab',
    'taxi',
    'driver',
    'device',
    'bus',
  ],
  lat: ['lat', 'latitude'],
  lon: ['lon', 'lng', 'long', 'longitude'],
  time: ['time', 'timestamp', 'unixts', 'unixtime', 'ts', 'datetime', 'recordedat', 'gpstime', 'epoch', 'utc', 'date'],
  heading: ['heading', 'bearing', 'course', 'cog', 'direction'],
  speed: ['speed', 'velocity', 'sog'],
  accuracy: ['accuracy', 'horizontalaccuracy'],
  tags: ['tags'],
  ttl: ['ttl'],
};

/** Column names by field, as given with `--map`. */
export type ColumnMap = Partial<Record<Field, string>>;

/** Parses `id=cab_id,lat=lat`. @throws RazielError BAD_REQUEST */
export function parseColumnMap(text: string): ColumnMap {
  const map: ColumnMap = {};
  for (const part of text.split(',')) {
    const [field = '', ...rest] = part.split('=');
    const column = rest.join('=');
    if (!(FIELDS as readonly string[]).includes(field) || column === '') {
      throw new RazielError(
        'BAD_REQUEST',
        `a mapping is FIELD=COLUMN with FIELD one of ${FIELDS.join(', ')}, got "${part}"`,
      );
    }
    map[field as Field] = column;
  }
  return map;
}

/**
 * The position of each field's column. Mapped names must be there; of the guessed ones, the first that is.
 * @throws RazielError BAD_REQUEST for a mapped column that is missing, or a file without lat or lon
 */
export function locateColumns(header: readonly string[], map: ColumnMap): Partial<Record<Field, number>> {
  const plain = header.map(plainName);
  const found: Partial<Record<Field, number>> = {};
  for (const field of FIELDS) {
    const mapped = map[field];
    let position = -1;
    if (mapped === undefined) position = NAMES[field].map((name) => plain.indexOf(name)).find((at) => at >= 0) ?? -1;
    else {
      position = header.findIndex((name) => name.trim() === mapped);
      if (position < 0)
        throw new RazielError('BAD_REQUEST', `there is no column "${mapped}"; the header is: ${header.join(',')}`);
    }
    if (position >= 0) found[field] = position;
  }
  if (found.lat === undefined || found.lon === undefined) {
    const missing = found.lat === undefined ? 'lat' : 'lon';
    throw new RazielError(
      'BAD_REQUEST',
      `no column is known to be ${missing}; name it with --map ${missing}=COLUMN. The header is: ${header.join(',').slice(0, 200)}`,
    );
  }
  return found;
}

function plainName(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
}
