// Processes of the benchmark: each is a Node of its own, on a core of its own where that can be had, and ends with the benchmark.

import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface ProcessOptions {
  readonly core?: number | undefined;
  readonly nodeFlags?: readonly string[];
  readonly args?: readonly string[];
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** A Node process with a channel for messages; its standard output is a pipe. taskset becomes the Node it starts, so the pid is Node's. */
export function startNode(script: string, { core, nodeFlags = [], args = [] }: ProcessOptions = {}): ChildProcess {
  const node = [process.execPath, ...nodeFlags, script, ...args];
  const [command, ...rest] = core === undefined ? node : ['taskset', '-c', String(core), ...node];
  const child = spawn(command as string, rest, {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    serialization: 'advanced',
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

/** The next message of a process. Rejects when the process ends first, or when the message is `{failed}`. */
export function nextMessage<T>(child: ChildProcess, name: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null, signal: string | null): void => {
      child.off('message', onMessage);
      reject(new Error(`${name} ended without an answer (${signal ?? `exit code ${code}`})`));
    };
    const onMessage = (message: unknown): void => {
      child.off('exit', onExit);
      const { failed } = message as { failed?: string };
      if (failed === undefined) resolve(message as T);
      else reject(new Error(`${name}: ${failed}`));
    };
    child.once('message', onMessage);
    child.once('exit', onExit);
  });
}

/** The first line that a process prints that is a JSON object; what else it prints is dropped. */
export function firstObject<T>(child: ChildProcess, name: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
    lines.on('line', (line) => {
      if (line.startsWith('{')) resolve(JSON.parse(line) as T);
    });
    child.once('exit', (code) => reject(new Error(`${name} ended while it started (exit code ${code})`)));
  });
}

/** Runs a script to its end in a fresh process and returns the one message it sends. */
export async function runTask<T>(
  script: string,
  name: string,
  task: object,
  nodeFlags: readonly string[] = [],
): Promise<T> {
  const child = startNode(script, { nodeFlags, args: [JSON.stringify(task)] });
  const result = await nextMessage<T>(child, name);
  await stop(child);
  return result;
}

/** The other side of runTask: does the task and sends what came of it. */
export async function answerTask<Task, Result>(work: (task: Task) => Result | Promise<Result>): Promise<void> {
  const result = await work(JSON.parse(process.argv[2] ?? '{}') as Task);
  process.send?.(result, () => process.disconnect());
}

/** Asks the process to end, and waits until it has. */
export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  if (child.connected) child.disconnect();
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 15_000);
  await ended;
  clearTimeout(timer);
}
