// A travel-time service that is asked over TLS.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type BootedServer, bootServerWith, RawClient } from '../support/booted-server.ts';
import { startTravelTimes, type TravelTimeService } from '../support/travel-time-service.ts';

const PICKUP = { lat: 37.77, lon: -122.42 };

function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version']);
    return true;
  } catch {
    console.warn('SKIPPED: the tests of travel times over TLS need the openssl program to make a certificate');
    return false;
  }
}

describe.skipIf(!hasOpenssl())('travel times over TLS', () => {
  const directory = mkdtempSync(join(tmpdir(), 'raziel-eta-tls-'));
  const [certificate, key] = [join(directory, 'cert.pem'), join(directory, 'key.pem')];
  let service: TravelTimeService;

  beforeAll(async () => {
    const about = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-days', '30', '-nodes'];
    const files = ['-keyout', key, '-out', certificate];
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
    execFileSync('openssl', ['req', '-x509', ...kind, ...about, ...files], { stdio: 'ignore' });
    const tls = { cert: readFileSync(certificate, 'utf8'), key: readFileSync(key, 'utf8') };
    service = await startTravelTimes('osrm', () => 77, tls);
  });
  afterAll(async () => {
    await service.stop();
    rmSync(directory, { recursive: true });
  });

  async function search(server: BootedServer): Promise<unknown> {
    const client = await RawClient.connect(server);
    await client.ask({ op: 'locations', batch: [['cab 1', PICKUP.lat, PICKUP.lon]] });
    const { drivers } = await client.ask({ op: 'nearest', ...PICKUP, rank: 'eta' });
    client.close();
    return drivers;
  }

  const boot = (environment: Record<string, string>): Promise<BootedServer> =>
    bootServerWith(environment, '--eta', service.flag, '--eta-deadline-ms', '10000');

  test('come from a service whose certificate is trusted', async () => {
    const server = await boot({ NODE_EXTRA_CA_CERTS: certificate });
    expect(await search(server)).toMatchObject([{ eta: 77, etaSource: 'osrm' }]);
    expect(service.requests).toBe(1);
    await server.stop();
  });

  test('do not come from one whose certificate is not', async () => {
    const { requests } = service;
    const server = await boot({});
    expect(await search(server)).toMatchObject([{ etaSource: 'learned' }]);
    expect(service.requests).toBe(requests);
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    expect(metrics).toContain('raziel_eta_searches_total{outcome="unreachable"} 1\n');
    await server.stop();
  });
});
