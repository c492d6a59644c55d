// Where a command's words go: what was asked for to standard output, everything about it to standard error. With --json, standard
// output holds one JSON object a line and nothing else.

import pc from 'picocolors';

export interface Terminal {
  readonly stdout: NodeJS.WritableStream & { isTTY?: boolean };
  readonly stderr: NodeJS.WritableStream & { isTTY?: boolean };
}

export class Output {
  readonly json: boolean;
  readonly terminal: Terminal;
  /** For standard output. */
  readonly color: ReturnType<typeof pc.createColors>;
  /** For standard error. */
  readonly errorColor: ReturnType<typeof pc.createColors>;

  constructor(json: boolean, terminal: Terminal = process) {
    this.json = json;
    this.terminal = terminal;
    this.color = pc.createColors(mayColor(terminal.stdout));
    this.errorColor = pc.createColors(mayColor(terminal.stderr));
  }

  /** A line of the answer. */
  line(text: string): void {
    this.terminal.stdout.write(`${text}\n`);
  }

  /** An object of the answer. */
  object(value: object): void {
    this.terminal.stdout.write(`${JSON.stringify(value)}\n`);
  }

  /** A line about the answer. */
  note(text: string): void {
    this.terminal.stderr.write(`${text}\n`);
  }
}

/** NO_COLOR (https://no-color.org) forbids it and FORCE_COLOR asks for it; else a terminal has it and a pipe has none. */
function mayColor(stream: { isTTY?: boolean }): boolean {
  if ((process.env.NO_COLOR ?? '') !== '') return false;
  if ((process.env.FORCE_COLOR ?? '') !== '') return true;
  return stream.isTTY === true && process.env.TERM !== 'dumb';
}
