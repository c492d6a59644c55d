// The processes of a measurement over the network: a server with its fleet in it, a load driver, and where wanted a second server or the echo app.

import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { unpack } from 'msgpackr';
import { WebSocket } from 'ws';
import { type Placement, placeProcesses } from '../lib/cores.ts';
import { benchScript, RAZIEL } from '../lib/paths.ts';
import { firstObject, nextMessage, startNode, stop } from '../lib/processes.ts';
import type { RunOptions } from '../lib/suite.ts';
import { World } from '../lib/world.ts';
import { NearestFrames } from './frames.ts';
import type { Job, PrepareJob } from './jobs.ts';

/** One that listens: the server or the echo app. */
export interface Target {
  readonly name: string;
  readonly process: ChildProcess;
  readonly port: number;
  readonly pid: number;
  readonly core: number | undefined;
}

const TTL_SECONDS = 3_600;

const MEMORY = ['--memory'];

export class Fixture {
  readonly placement: Placement = placeProcesses();
  readonly #driver: ChildProcess;
  readonly #nodeFlags: readonly string[];
  readonly #targets: Target[] = [];
  #server: Target | undefined;

  private constructor(nodeFlags: readonly string[]) {
    this.#nodeFlags = nodeFlags;
    this.#driver = startNode(benchScript('load/driver.js'), { core: this.placement.driver });
  }

  /**
   * Starts server and driver, and sends the server every driver's fix.
   * @param flags of the server, beside those that all have
   * @param world what the driver prepares, beside drivers, seed and laps
   * @param isPinned whether the server has to do with one core for all its threads
   */
  static async start(
    drivers: number,
    laps: number,
    { seed, serverFlags }: RunOptions,
    flags: readonly string[] = MEMORY,
    world: Partial<PrepareJob> = {},
    isPinned = true,
  ): Promise<Fixture> {
    const fixture = new Fixture(serverFlags);
    try {
      fixture.#server = await fixture.startServer(flags, 0, isPinned ? fixture.placement.server : 'any');
      await fixture.drive({ kind: 'prepare', drivers, seed, laps, ...world });
      await fixture.drive({ kind: 'load', port: fixture.server.port });
    } catch (error) {
      await fixture.stop();
      throw error;
    }
    return fixture;
  }

  /** The one that it was started with. */
  get server(): Target {
    return this.#server as Target;
  }

  /** Another server, on the core of the first: one that is not asked sleeps. */
  async startServer(
    flags: readonly string[],
    port = 0,
    on: number | 'any' | undefined = this.placement.server,
  ): Promise<Target> {
    const core = on === 'any' ? undefined : on;
    const common = [
      '--port',
      String(port),
      '--json',
      '--threads',
      '1',
      '--engine',
      'native',
      '--ttl',
      String(TTL_SECONDS),
    ];
    const args = ['serve', ...common, '--log-level', 'warn', ...flags];
    const child = startNode(RAZIEL, { core, nodeFlags: this.#nodeFlags, args });
    return this.#add('server', child, core);
  }

  /** Has the load driver do a job. @throws Error that says what went wrong with it */
  async drive<Result = object>(job: Job): Promise<Result> {
    const answer = nextMessage<Result>(this.#driver, `the load driver's job "${job.kind}"`);
    this.#driver.send(job);
    return answer;
  }

  /** On the server's core, so that the two have the same; the one that is not asked sleeps. */
  async startEcho(replyBytes: number): Promise<Target> {
    const core = this.placement.server;
    const child = startNode(benchScript('load/echo.js'), { core, args: [String(replyBytes)] });
    return this.#add('echo', child, core);
  }

  async stop(): Promise<void> {
    await Promise.all([this.#driver, ...this.#targets.map((target) => target.process)].map((child) => stop(child)));
  }

  async #add(name: string, child: ChildProcess, core: number | undefined): Promise<Target> {
    const { port } = await firstObject<{ port: number }>(child, `the ${name}`);
    const target = { name, process: child, port, pid: child.pid as number, core };
    this.#targets.push(target);
    return target;
  }

  /** How many fixes a server has accepted, and how many not, so far. */
  async fixCounts({ port } = this.server): Promise<{ accepted: number; others: number }> {
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    const counts = new Map(
      [...text.matchAll(/^raziel_fixes_total\{outcome="(\w+)"\} (\d+)$/gm)].map(([, outcome, count]) => [
        outcome,
        Number(count),
      ]),
    );
    const accepted = counts.get('accepted') ?? 0;
    return { accepted, others: [...counts.values()].reduce((sum, count) => sum + count, 0) - accepted };
  }

  /**
   * Asks as the load driver will, one request at a time, and looks at the answers.
   * @returns the mean size of an answer, bytes
   * @throws Error unless each has its ref and ten drivers by distance
   */
  async probe(drivers: number, seed: number, requests: number): Promise<number> {
    const payloads = new NearestFrames(new World(drivers, seed)).payloads(requests);
    const socket = new WebSocket(`ws://127.0.0.1:${this.server.port}/v1/ws`);
    await once(socket, 'open');
    let bytes = 0;
    for (const [ref, payload] of payloads.entries()) {
      socket.send(payload);
      const [answer] = (await once(socket, 'message')) as [Buffer];
      const { drivers: found, ref: echoed } = unpack(answer) as { ref: number; drivers: { distance: number }[] };
      const isOrdered = found?.every(({ distance }, i) => distance >= (found[i - 1]?.distance ?? 0));
      if (echoed !== ref || found?.length !== 10 || !isOrdered)
        throw new Error(`a wrong answer: ${JSON.stringify(unpack(answer))}`);
      bytes += answer.length;
    }
    socket.terminate();
    return bytes / requests;
  }
}
