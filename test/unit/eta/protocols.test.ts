// What is asked of OSRM and Valhalla, and what of their answers is taken.

import { describe, expect, test } from 'vitest';
import { osrm } from '../../../src/eta/http/osrm.ts';
import { type EtaService, readEtaService } from '../../../src/eta/http/service-url.ts';
import { valhalla } from '../../../src/eta/http/valhalla.ts';
import type { Origins } from '../../../src/eta/travel-times.ts';

const PLACES = [
  [37.78, -122.41],
  [-37.5, 179.9999999],
  [1e-7, 0],
] as const;

const FROM: Origins = {
  count: PLACES.length,
  lat: (row) => PLACES[row]?.[0] ?? Number.NaN,
  lon: (row) => PLACES[row]?.[1] ?? Number.NaN,
  distance: () => 0,
  heading: () => Number.NaN,
  speed: () => Number.NaN,
};

describe('OSRM', () => {
  const protocol = osrm('/table/v1/driving');

  test('is asked for the times from each driver to the pickup, longitude first', () => {
    expect(protocol.request(FROM, Int32Array.of(0, 2, 1), 37.77, -122.42)).toEqual({
      method: 'GET',
      path:
        '/table/v1/driving/-122.41000,37.78000;0.00000,0.00000;180.00000,-37.50000;-122.42000,37.77000' +
        '?sources=0;1;2&destinations=3&annotations=duration&generate_hints=false',
    });
  });

  test.each([
    ['an answer', { code: 'Ok', durations: [[10.5], [0], [null]], sources: [{}] }, [10.5, 0, null]],
    ['an answer for fewer drivers', { code: 'Ok', durations: [[1], [2]] }, undefined],
    ['an answer for more drivers', { code: 'Ok', durations: [[1], [2], [3], [4]] }, undefined],
    [
      'an answer for more pickups',
      {
        code: 'Ok',
        durations: [
          [1, 1],
          [2, 2],
          [3, 3],
        ],
      },
      undefined,
    ],
    ['the answer the other way round', { code: 'Ok', durations: [[1, 2, 3]] }, undefined],
    ['another code', { code: 'NoTable', durations: [[1], [2], [3]] }, undefined],
    ['times that are no numbers', { code: 'Ok', durations: [['1'], [2], [3]] }, undefined],
    ['negative times', { code: 'Ok', durations: [[-1], [2], [3]] }, undefined],
    ['nothing', null, undefined],
  ])('reads %s', (_, answer, times) => {
    expect(protocol.read(answer, 3)).toEqual(times);
  });

  test('says that it refuses a request by its code', () => {
    expect(protocol.isRefusal({ code: 'NoSegment', message: '…' })).toBe(true);
    expect(protocol.isRefusal({ message: 'Bad Request' })).toBe(false);
    expect(protocol.isRefusal('Bad Request')).toBe(false);
  });
});

describe('Valhalla', () => {
  const protocol = valhalla('/sources_to_targets');

  test('is asked for the times from each driver to the pickup', () => {
    const { method, path, body } = protocol.request(FROM, Int32Array.of(0, 2), 37.77, -122.42);
    expect([method, path]).toEqual(['POST', '/sources_to_targets']);
    expect(JSON.parse(body as string)).toEqual({
      sources: [
        { lat: 37.78, lon: -122.41 },
        { lat: 0, lon: 0 },
      ],
      targets: [{ lat: 37.77, lon: -122.42 }],
      costing: 'auto',
      verbose: false,
    });
  });

  const verbose = (times: unknown[]) => ({ sources_to_targets: times.map((time) => [{ time, to_index: 0 }]) });
  const concise = (durations: unknown[]) => ({ sources_to_targets: { durations, distances: [] } });

  test.each([
    ['an answer', verbose([10, 0, null]), [10, 0, null]],
    ['a concise answer', concise([[10], [0], [null]]), [10, 0, null]],
    ['an answer for fewer drivers', verbose([1, 2]), undefined],
    ['a concise answer for fewer drivers', concise([[1], [2]]), undefined],
    ['the answer the other way round', concise([[1, 2, 3]]), undefined],
    ['times that are no numbers', verbose(['1', 2, 3]), undefined],
    ['negative times', verbose([-1, 2, 3]), undefined],
    ['no times', {}, undefined],
  ])('reads %s', (_, answer, times) => {
    expect(protocol.read(answer, 3)).toEqual(times);
  });

  test('says that it refuses a request by its code', () => {
    expect(protocol.isRefusal({ error_code: 171, error: '…', status_code: 400 })).toBe(true);
    expect(protocol.isRefusal({ error: 'Bad Request' })).toBe(false);
  });
});

describe('--eta', () => {
  test.each([
    ['osrm:http://127.0.0.1:5000', 'osrm', 'http://127.0.0.1:5000/table/v1/driving'],
    ['osrm:http://127.0.0.1:5000/', 'osrm', 'http://127.0.0.1:5000/table/v1/driving'],
    ['osrm:https://maps.example/osrm', 'osrm', 'https://maps.example/osrm/table/v1/driving'],
    ['osrm:http://[::1]:5000/table/v1/taxi', 'osrm', 'http://[::1]:5000/table/v1/taxi'],
    ['valhalla:http://10.0.0.7:8002', 'valhalla', 'http://10.0.0.7:8002/sources_to_targets'],
    ['valhalla:http://10.0.0.7:8002/v/sources_to_targets/', 'valhalla', 'http://10.0.0.7:8002/v/sources_to_targets'],
  ])('takes %s', (text, kind, url) => {
    const service = readEtaService(text) as EtaService;
    expect([service.kind, service.url.href]).toEqual([kind, url]);
  });

  test('takes learned', () => {
    expect(readEtaService('learned')).toBe('learned');
  });

  test.each([
    '',
    'osrm',
    'osrm:',
    'osrm:127.0.0.1:5000',
    'google:http://127.0.0.1',
    'osrm:ftp://127.0.0.1',
    'osrm:http://',
    'osrm:http://user:secret@127.0.0.1',
    'valhalla:http://127.0.0.1:8002?api_key=secret',
  ])('refuses %j', (text) => {
    expect(readEtaService(text)).toBeUndefined();
  });
});
