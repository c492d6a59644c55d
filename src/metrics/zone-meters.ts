// What the zones thread counts, in shared memory, so that any serving thread can answer /metrics.

export const ZONE_STAGES = ['parse', 'check', 'build', 'publish'] as const;
export type ZoneStage = (typeof ZONE_STAGES)[number];

export const UPLOAD_OUTCOMES = ['published', 'dryRun', 'refused', 'conflict', 'failed'] as const;
export type UploadOutcome = (typeof UPLOAD_OUTCOMES)[number];

const SINGLES = ['version', 'layers', 'zones', 'vertices', 'waiting'] as const;
const SECONDS_AT = SINGLES.length;
const LAST_AT = SECONDS_AT + ZONE_STAGES.length;
const UPLOADS_AT = LAST_AT + ZONE_STAGES.length;
const SLOTS = UPLOADS_AT + UPLOAD_OUTCOMES.length;

export class ZoneMeters {
  readonly shared: SharedArrayBuffer;
  readonly #slots: Float64Array;

  constructor(shared = new SharedArrayBuffer(SLOTS * 8)) {
    this.shared = shared;
    this.#slots = new Float64Array(shared);
  }

  /** An upload has come. */
  begin(): void {
    this.#add(SINGLES.indexOf('waiting'), 1);
  }

  /** What became of it. */
  end(outcome: UploadOutcome): void {
    this.#add(SINGLES.indexOf('waiting'), -1);
    this.#add(UPLOADS_AT + UPLOAD_OUTCOMES.indexOf(outcome), 1);
  }

  stage(stage: ZoneStage, seconds: number): void {
    const index = ZONE_STAGES.indexOf(stage);
    this.#add(SECONDS_AT + index, seconds);
    this.#slots[LAST_AT + index] = seconds;
  }

  layers(version: number, layers: number, zones: number, vertices: number): void {
    this.#slots.set([version, layers, zones, vertices]);
  }

  single(name: (typeof SINGLES)[number]): number {
    return this.#slots[SINGLES.indexOf(name)] as number;
  }

  /** Of all uploads. */
  seconds(stage: ZoneStage): number {
    return this.#slots[SECONDS_AT + ZONE_STAGES.indexOf(stage)] as number;
  }

  /** Of the last upload that came to that stage. */
  lastSeconds(stage: ZoneStage): number {
    return this.#slots[LAST_AT + ZONE_STAGES.indexOf(stage)] as number;
  }

  uploads(outcome: UploadOutcome): number {
    return this.#slots[UPLOADS_AT + UPLOAD_OUTCOMES.indexOf(outcome)] as number;
  }

  #add(slot: number, n: number): void {
    this.#slots[slot] = (this.#slots[slot] as number) + n;
  }
}
