// Whether a series of samples grows: by its ends, and by the line that fits it best.

export interface Growth {
  readonly median: number;
  /** How much the median of the last third is above that of the first, as a share of the latter. */
  readonly thirds: number;
  /** How much the line through all samples (least squares) rises from the first to the last, as a share of the median. */
  readonly trend: number;
}

export function growthOf(samples: readonly number[]): Growth {
  if (samples.length < 3) return { median: samples[0] ?? 0, thirds: 0, trend: 0 };
  const third = Math.floor(samples.length / 3);
  const first = medianOf(samples.slice(0, third));
  const last = medianOf(samples.slice(-third));
  const median = medianOf(samples);
  return { median, thirds: last / first - 1, trend: (slopeOf(samples) * (samples.length - 1)) / median };
}

function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] as number;
}

function slopeOf(samples: readonly number[]): number {
  const middle = (samples.length - 1) / 2;
  const mean = samples.reduce((sum, sample) => sum + sample, 0) / samples.length;
  let products = 0;
  let squares = 0;
  samples.forEach((sample, x) => {
    products += (x - middle) * (sample - mean);
    squares += (x - middle) ** 2;
  });
  return products / squares;
}
