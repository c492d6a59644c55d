// TLS with real certificates: over HTTP and WebSocket, by the client and the command line, renewed while connections are open, and what is said
// of certificates that cannot be used.

import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { connect } from '../../src/client/index.ts';
import { type BootedServer, bootServer, RawClient } from '../support/booted-server.ts';
import { bearer, TokensFile } from '../support/access.ts';
import { run } from './cli-process.ts';

const directory = mkdtempSync(join(tmpdir(), 'raziel-tls-'));
const at = (name: string): string => join(directory, name);

function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version']);
    return true;
  } catch {
    console.warn('SKIPPED: the tests of TLS need the openssl program to make certificates');
    return false;
  }
}

/** A certificate for localhost that signs itself, and its key. */
function makeCertificate(name: string, subject: string, ...more: string[]): void {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', at(`${name}-key.pem`)];
  const names = ['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const about = ['-out', at(`${name}.pem`), '-subj', `/CN=${subject}`, ...names];
  execFileSync('openssl', ['req', '-x509', ...key, ...about, '-days', '30', ...more], { stdio: 'ignore' });
}

function get(port: number, ca: string, path: string, headers: Record<string, string> = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path, ca, headers, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    sent.on('error', reject).end();
  });
}

/** The subject of the certificate that a new connection is shown. */
async function subjectShown(port: number): Promise<string> {
  const socket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const subject = socket.getPeerCertificate().subject.CN as string;
  socket.destroy();
  return subject;
}

describe.skipIf(!hasOpenssl())('TLS', () => {
  const tokens = new TokensFile({ reader: { scopes: ['search', 'zones'] } });
  let ca: string;
  beforeAll(() => {
    makeCertificate('first', 'first');
    makeCertificate('second', 'second');
    ca = readFileSync(at('first.pem'), 'utf8');
  });
  afterAll(() => {
    rmSync(directory, { recursive: true });
    tokens.remove();
  });
  const files = (name: string) => ['--tls-cert', at(`${name}.pem`), '--tls-key', at(`${name}-key.pem`)];

  describe.each(['1', '2'])('of a server with %s serving thread(s)', (threads) => {
    let server: BootedServer;
    beforeAll(async () => {
      copyFileSync(at('first.pem'), at('live.pem'));
      copyFileSync(at('first-key.pem'), at('live-key.pem'));
      server = await bootServer(...files('live'), '--auth', tokens.file, '--threads', threads);
    });
    afterAll(() => server.stop());

    test('is what it says that it speaks, over HTTP and WebSocket', async () => {
      expect(server.url).toBe(`https://127.0.0.1:${server.port}`);
      expect(await get(server.port, ca, '/healthz')).toBe(200);
      expect(await get(server.port, ca, '/v1/zones')).toBe(401);
      expect(await get(server.port, ca, '/v1/zones', bearer(tokens.token('reader')))).toBe(200);
      await expect(fetch(`http://127.0.0.1:${server.port}/healthz`)).rejects.toThrow();
    });

    test('is spoken by the client, with a token, and not with a certificate that it does not trust', async () => {
      const token = tokens.token('reader');
      const client = await connect(`https://localhost:${server.port}`, { ca, token, preferWs: true });
      expect(await client.nearest({ lat: 0, lon: 0 })).toHaveProperty('drivers');
      await client.close();
      const refused = connect(`https://localhost:${server.port}`, { token, preferWs: true, reconnect: false });
      await expect(refused).rejects.toThrow(/self-signed certificate/);
    });

    test('is spoken by every command', async () => {
      const environment = { RAZIEL_URL: server.url, RAZIEL_TOKEN: tokens.token('reader'), RAZIEL_CA: at('first.pem') };
      for (const args of [
        ['nearest', '0', '0'],
        ['zones', 'list'],
        ['top', '--once', '--interval', '0.1'],
      ]) {
        const { code, stderr } = await run(args, environment);
        expect([args, code, stderr].join(), args.join(' ')).toContain([args, 0].join());
      }
      const flags = ['--url', server.url, '--token', tokens.token('reader'), '--ca', at('first.pem')];
      expect((await run(['nearest', '0', '0', '--json', ...flags])).code).toBe(0);
      const untrusted = await run(['nearest', '0', '0'], { ...environment, RAZIEL_CA: '' });
      expect(untrusted.code).toBe(3);
      expect(untrusted.stderr).toContain('--ca FILE');
      const noToken = await run(['nearest', '0', '0'], { ...environment, RAZIEL_TOKEN: '' });
      expect(noToken.code).toBe(1);
      expect(noToken.stderr).toContain('RAZIEL_TOKEN');
    });

    test('is renewed on SIGHUP: new connections get the new certificate, open ones go on', async () => {
      const headers = bearer(tokens.token('reader'));
      const open = await Promise.all(
        Array.from({ length: 4 }, async () => {
          const socket = new WebSocket(`wss://127.0.0.1:${server.port}/v1/ws`, { headers, ca });
          const client = new RawClient(socket);
          await once(socket, 'open');
          return client;
        }),
      );
      expect(await subjectShown(server.port)).toBe('first');
      const hangUp = async (): Promise<void> => {
        const before = server.log().split('"tlsReload"').length;
        server.process.kill('SIGHUP');
        await expect.poll(() => server.log().split('"tlsReload"').length, { timeout: 20_000 }).toBe(before + 1);
      };
      // Half a change: the key is still the old one.
      copyFileSync(at('second.pem'), at('live.pem'));
      await hangUp();
      expect(server.log()).toContain('THE CERTIFICATE WAS NOT RELOADED');
      expect(await subjectShown(server.port)).toBe('first');
      copyFileSync(at('second-key.pem'), at('live-key.pem'));
      await hangUp();
      // By chance any of the threads.
      for (let i = 0; i < 8; i++) expect(await subjectShown(server.port)).toBe('second');
      for (const client of open) {
        expect(await client.ask({ op: 'nearest', lat: 0, lon: 0 })).toHaveProperty('drivers');
        client.close();
      }
      expect(await get(server.port, readFileSync(at('second.pem'), 'utf8'), '/v1/zones', headers)).toBe(200);
    });
  });

  test('a server that is told to stop after a renewal answers and closes what is open on either certificate', async () => {
    const server = await bootServer(...files('first'));
    const before = new WebSocket(`wss://127.0.0.1:${server.port}/v1/ws`, { ca });
    await once(before, 'open');
    server.process.kill('SIGHUP');
    await expect.poll(() => server.log(), { timeout: 20_000 }).toContain('"tlsReload"');
    const after = new WebSocket(`wss://127.0.0.1:${server.port}/v1/ws`, { ca });
    await once(after, 'open');
    const closed = Promise.all([once(before, 'close'), once(after, 'close')]);
    expect(await server.stop()).toBe(0);
    for (const [code] of await closed) expect(code).toBe(1001);
  });

  test.each([
    [
      'no file',
      () => ['--tls-cert', at('nothing.pem'), '--tls-key', at('first-key.pem')],
      /cannot read the TLS certificate: ENOENT/,
    ],
    [
      'the key of another',
      () => ['--tls-cert', at('first.pem'), '--tls-key', at('second-key.pem')],
      /is not that of the certificate/,
    ],
    [
      'key and certificate swapped',
      () => ['--tls-cert', at('first-key.pem'), '--tls-key', at('first.pem')],
      /holds no certificate in PEM/,
    ],
    [
      'no PEM',
      () => ['--tls-cert', at('text.pem'), '--tls-key', at('first-key.pem')],
      /text\.pem holds no certificate in PEM/,
    ],
    [
      'an encrypted key',
      () => ['--tls-cert', at('first.pem'), '--tls-key', at('locked-key.pem')],
      /without a passphrase/,
    ],
    ['a certificate that has expired', () => files('expired'), /has expired: it was valid until 2020/],
    ['a certificate without its key', () => ['--tls-cert', at('first.pem')], /come together/],
  ])('with %s the server does not start, and says why', async (_, flags, message) => {
    writeFileSync(at('text.pem'), 'hello');
    execFileSync(
      'openssl',
      ['ec', '-in', at('first-key.pem'), '-aes256', '-passout', 'pass:x', '-out', at('locked-key.pem')],
      { stdio: 'ignore' },
    );
    makeExpired();
    const { code, stderr, stdout } = await run(['serve', '--memory', '--port', '0', ...flags()]);
    expect(code).toBeGreaterThan(0);
    expect(stdout).toBe('');
    expect(stderr).toMatch(message);
    expect(stderr).not.toContain('PRIVATE KEY');
  });
});

/** `req -x509` makes none that has begun in the past; `ca` does. */
function makeExpired(): void {
  writeFileSync(
    at('ca.cnf'),
    `[ca]\ndefault_ca=d\n[d]\ndir=${directory}\ndatabase=${at('index.txt')}\nserial=${at('serial')}\nnew_certs_dir=${directory}\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n`,
  );
  writeFileSync(at('index.txt'), '');
  writeFileSync(at('serial'), '01');
  const options = { stdio: 'ignore' } as const;
  execFileSync(
    'openssl',
    [
      'req',
      '-new',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-keyout',
      at('expired-key.pem'),
      '-out',
      at('expired.csr'),
      '-subj',
      '/CN=expired',
    ],
    options,
  );
  execFileSync(
    'openssl',
    [
      'ca',
      '-batch',
      '-config',
      at('ca.cnf'),
      '-selfsign',
      '-keyfile',
      at('expired-key.pem'),
      '-in',
      at('expired.csr'),
      '-out',
      at('expired.pem'),
      '-notext',
      '-startdate',
      '20190101000000Z',
      '-enddate',
      '20200101000000Z',
    ],
    options,
  );
}
