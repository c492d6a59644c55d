// What the project promises of its figures: the floor that they must keep and the aim, on two cores of the kind that CI has. Printed
// beside what was measured; nothing is asserted here, because machines differ.

export interface Target {
  readonly floor: string;
  readonly aim?: string;
}

export const TARGETS: Readonly<Record<string, Target>> = {
  'engine.moves': { floor: '≥ 3,000,000', aim: '5,000,000' },
  'engine.nearest10.p50': { floor: '≤ 5', aim: '3' },
  'engine.nearest10.p99': { floor: '≤ 20', aim: '10' },
  'engine.nearest10.growth': { floor: '≤ 3' },
  'engine.bytesPerDriver': { floor: '≤ 200' },
  'serve.locations': { floor: '≥ 1,000,000', aim: '2,500,000' },
  'serve.nearest.ofEcho': { floor: '≥ 0.35', aim: '0.5' },
  'serve.rtt.ofEcho': { floor: '≤ 1.3' },
  'durable.locations.ratio': { floor: '≥ 0.8' },
  'durable.recover': { floor: '≤ 3' },
  'durable.ack.p99': { floor: '≤ 50' },
  'durable.lost': { floor: '≤ 0' },
  'overload.slowReaders.p99': { floor: '≤ 5' },
  'overload.connections.p99': { floor: '≤ 5' },
  'overload.frames.p99': { floor: '≤ 5' },
  'overload.inFlight.p99': { floor: '≤ 5' },
  'overload.slowloris.p99': { floor: '≤ 5' },
  'zones.lookup.p50': { floor: '≤ 0.3' },
  'zones.lookup.p99': { floor: '≤ 1' },
  'zones.lookup.big.p99': { floor: '≤ 2' },
  'zones.serve.ofEcho': { floor: '≥ 0.4' },
  'zones.serve.rtt.p99': { floor: '≤ 1' },
  'zones.swap.p99ratio': { floor: '≤ 1.5' },
  'zones.build': { floor: '≤ 0.5' },
  'eta.error.ratio.high': { floor: '≤ 0.9', aim: '0.75' },
  'trace.overhead': { floor: '≥ 0.97' },
  'trace.call': { floor: '≤ 1000' },
  'trace.span': { floor: '≤ 200' },
  'ids.single': { floor: '≥ 4,000' },
  'nearest.pipeline.p50': { floor: '≤ 40' },
  'nearest.pipeline.p99': { floor: '≤ 150' },
  'nearest.serve.p99': { floor: '≤ 5' },
  'mixed.nearest.p99': { floor: '≤ 5', aim: '2' },
};
