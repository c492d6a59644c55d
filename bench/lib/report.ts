// What a run prints: with --json one object a line on standard output, else tables; progress goes to standard error.
//
//   {"suite":"serve","metric":"serve.nearest.ofEcho","value":0.51,"unit":"ratio"}
//   {"suite":"serve","metric":"serve.nearest","value":151000,"unit":"requests/s","valid":false}

import pc from 'picocolors';
import type { Setting } from './machine.ts';
import { TARGETS } from './targets.ts';

export interface Metric {
  /** `engine.nearest10.p50` */
  readonly metric: string;
  readonly value: number;
  readonly unit: string;
  /** Why the figure does not say what it should; such a figure is marked invalid. */
  readonly invalid?: string | undefined;
  /** What the value can be at all; outside of it the run fails. Above 0 when nothing is said. */
  readonly possible?: readonly [number, number];
}

const RIGHT_ALIGNED = new Set([1, 3, 4]);

export class Report {
  readonly #json: boolean;
  #suite = '';
  #rows: Metric[] = [];
  readonly impossible: string[] = [];

  constructor(json: boolean) {
    this.#json = json;
  }

  settings(settings: readonly Setting[]): void {
    for (const { name, value, unit } of settings) {
      if (this.#json) printJson({ suite: 'run', metric: `run.${name}`, value, unit });
      else console.log(`${name.padEnd(8)} ${value}`);
    }
  }

  begin(suite: string): void {
    this.#suite = suite;
    this.#rows = [];
  }

  add(metric: Metric): void {
    const { metric: name, value, unit, invalid, possible: [min, max] = [Number.MIN_VALUE, Number.MAX_VALUE] } = metric;
    if (!(value >= min && value <= max)) this.impossible.push(`${name} is ${value} ${unit}, outside ${min}..${max}`);
    this.#rows.push(metric);
    if (!this.#json) return;
    const rounded = Number(value.toPrecision(6));
    printJson({
      suite: this.#suite,
      metric: name,
      value: rounded,
      unit,
      ...(invalid === undefined ? {} : { valid: false }),
    });
  }

  /** Prints the suite's table. */
  end(): void {
    for (const reason of new Set(this.#rows.map(({ invalid }) => invalid))) {
      if (reason === undefined) continue;
      const names = this.#rows.filter(({ invalid }) => invalid === reason).map(({ metric }) => metric);
      this.note(`INVALID ${names.join(', ')}: ${reason}`);
    }
    if (this.#json) return;
    const table = this.#rows.map(({ metric, value, unit, invalid }) => {
      const target = TARGETS[metric];
      const mark = invalid === undefined ? '' : 'INVALID';
      return [metric, format(value), unit, target?.floor ?? '', target?.aim ?? '', mark];
    });
    table.unshift([this.#suite, 'measured', '', 'floor', 'aim', '']);
    const widths = (table[0] as string[]).map((_, column) =>
      Math.max(...table.map((row) => (row[column] as string).length)),
    );
    console.log('');
    for (const row of table) {
      const line = row
        .map((cell, i) =>
          RIGHT_ALIGNED.has(i) ? cell.padStart(widths[i] as number) : cell.padEnd(widths[i] as number),
        )
        .join('  ')
        .trimEnd();
      console.log(row[5] === 'INVALID' ? pc.red(line) : row === table[0] ? pc.bold(line) : line);
    }
  }

  note(text: string): void {
    console.error(text);
  }
}

function printJson(line: object): void {
  console.log(JSON.stringify(line));
}

/** Three or more digits: 4812345 as 4,812,345, 2.3456 as 2.35. */
function format(value: number): string {
  const decimals = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 0.1 ? 2 : 4;
  return value.toLocaleString('en-US', { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}
