// Kills of a server in the middle of a feed, and what it knows afterwards: the same rounds for the system test and for `durable.lost`.
//
// A round feeds a server fixes, some with `ack: "durable"`, until it is killed (SIGKILL) at a random moment. The next one asks the server that
// was started on the same data directory for every driver. It must have each fix that was acknowledged as durable, or that was acknowledged as
// applied a second or more before the kill, or a later one that was sent; whole, and none older than what an earlier start came back with.
//
// A kill does not lose what the kernel has: that the sync comes before the acknowledgement is shown by test/system/durability-faults.test.ts.

import { once } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { pack, Unpackr } from 'msgpackr';
import { WebSocket } from 'ws';
import { seededRandom } from '#dist/demo/random.js';

export interface KillableServer {
  readonly port: number;
  /** Ends it by SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
}

export interface KillRounds {
  readonly kills: number;
  readonly seed: number;
  readonly drivers: number;
  /** Starts a server, always on the same data directory. */
  boot(): Promise<KillableServer>;
  onRound?(round: number): void;
}

export interface KillFault {
  /** Kills before it was seen. */
  readonly round: number;
  readonly id: string;
  /** `durable`: a fix that was promised is missing. `old`: one that was applied a second before. `torn`: none that was sent. */
  readonly lost: 'durable' | 'old' | 'torn';
  readonly found: Answer;
}

export interface KillOutcome {
  /** Promises of durability that were looked after, one for each driver and kill. */
  readonly promised: number;
  readonly faults: readonly KillFault[];
}

type Answer = Record<string, unknown> & { readonly ref?: unknown; readonly error?: unknown };

/** Drivers of a batch, of which each is in it once. */
const BATCH = 50;
const DURABLE_SHARE = 0.3;
/** A client waits for some durable acknowledgements, and sends on before most. */
const AWAITED_SHARE = 0.2;
const ROUND_MS = [200, 1_700] as const;
/** What was applied so long before a kill is stored. */
const BEHIND_MS_MAX = 1_000;
const TTL_SECONDS = 30 * 24 * 3600;

/** Everything of a fix follows from its step, so that half of one and half of another shows. */
const fixAt = (id: string, step: number, baseMs: number) => ({
  id,
  // Slower than the steps come, or they would end in the future; sixteenths are exact.
  time: baseMs + step / 16,
  lat: (step % 80_000) / 1000,
  // Not −0, which comes back as 0.
  lon: 0 - (step % 80_000) / 1000,
  speed: step,
  heading: step % 360,
  ttl: TTL_SECONDS,
});

/** Steps of drivers. */
interface Known {
  /** The latest that was acknowledged as durable, or was there after a start. */
  readonly durable: Map<string, number>;
  /** The latest that was acknowledged as applied long enough before a kill. */
  readonly old: Map<string, number>;
  readonly sent: Map<string, number>;
}

/** @throws Error when a server does not start or breaks off by itself */
export async function runKillRounds({ kills, seed, drivers, boot, onRound }: KillRounds): Promise<KillOutcome> {
  const random = seededRandom(seed);
  const baseMs = Date.now() - 60_000;
  const known: Known = { durable: new Map(), old: new Map(), sent: new Map() };
  const faults: KillFault[] = [];
  let promised = 0;
  let step = 0;
  for (let round = 0; round <= kills; round++) {
    onRound?.(round);
    const server = await boot();
    const client = await Client.connect(server.port);
    promised += known.durable.size;
    faults.push(...(await check(client, known, round, baseMs)));
    if (round === kills) {
      client.close();
      await server.kill();
      break;
    }
    const applied: { id: string; step: number; atMs: number }[] = [];
    let isRefused = false;
    const untilMs = performance.now() + ROUND_MS[0] + random() * (ROUND_MS[1] - ROUND_MS[0]);
    while (performance.now() < untilMs) {
      const isDurable = random() < DURABLE_SHARE;
      const ids = [...new Set(Array.from({ length: BATCH }, () => `driver:${Math.floor(random() * drivers)}`))];
      const now = ++step;
      for (const id of ids) known.sent.set(id, now);
      const batch = ids.map((id) => fixAt(id, now, baseMs));
      const acknowledged = client.ask({ op: 'locations', ack: isDurable ? 'durable' : 'applied', batch }).then(
        ({ accepted }) => {
          if (accepted !== ids.length) isRefused = true;
          else if (isDurable) for (const id of ids) raise(known.durable, id, now);
          else for (const id of ids) applied.push({ id, step: now, atMs: performance.now() });
          return accepted;
        },
        // Killed before it answered: nothing was promised.
        () => undefined,
      );
      if (!isDurable || random() < AWAITED_SHARE) await acknowledged;
      else await nextTurn();
      if (isRefused) throw new Error(`the server does not take the fixes (round ${round})`);
      if (client.isClosed) throw new Error(`the server ended the connection by itself (round ${round})`);
    }
    const killedAtMs = performance.now();
    await server.kill();
    await client.closed;
    for (const { id, step: at, atMs } of applied) {
      if (atMs < killedAtMs - BEHIND_MS_MAX) raise(known.old, id, at);
    }
  }
  return { promised, faults };
}

/** Asks for every driver that was sent, and takes what came back for stored: it must not go away later. */
async function check(client: Client, known: Known, round: number, baseMs: number): Promise<KillFault[]> {
  const faults: KillFault[] = [];
  const sent = [...known.sent];
  const answers = await Promise.all(sent.map(([id]) => client.ask({ op: 'driver', id })));
  for (const [i, [id, sentStep]] of sent.entries()) {
    const durable = known.durable.get(id) ?? 0;
    const old = known.old.get(id) ?? 0;
    const { ref: _, age: __, ...found } = answers[i] as Answer;
    const step = found.error === undefined ? Number(found['speed']) : 0;
    const fault = (lost: KillFault['lost']): number => faults.push({ round, id, lost, found });
    if (step > 0 && (step > sentStep || !isDeepStrictEqual(found, fixAt(id, step, baseMs)))) fault('torn');
    else if (step < durable) fault('durable');
    else if (step < old) fault('old');
    if (step > 0) raise(known.durable, id, step);
  }
  return faults;
}

function raise(steps: Map<string, number>, id: string, step: number): void {
  steps.set(id, Math.max(steps.get(id) ?? 0, step));
}

class Client {
  readonly #socket: WebSocket;
  readonly #unpackr = new Unpackr({ useRecords: false, int64AsType: 'number' });
  readonly #waiting = new Map<number, { resolve(answer: Answer): void; reject(error: Error): void }>();
  readonly closed: Promise<void>;
  isClosed = false;
  #ref = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data: Buffer) => {
      const answer = this.#unpackr.unpack(data) as Answer;
      this.#waiting.get(answer.ref as number)?.resolve(answer);
      this.#waiting.delete(answer.ref as number);
    });
    socket.on('error', () => {});
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.isClosed = true;
        for (const { reject } of this.#waiting.values()) reject(new Error('the connection is closed'));
        resolve();
      });
    });
  }

  static async connect(port: number): Promise<Client> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/ws`);
    await once(socket, 'open');
    return new Client(socket);
  }

  ask(request: object): Promise<Answer> {
    const ref = ++this.#ref;
    this.#socket.send(pack({ ...request, ref }));
    return new Promise((resolve, reject) => this.#waiting.set(ref, { resolve, reject }));
  }

  close(): void {
    this.#socket.terminate();
  }
}
