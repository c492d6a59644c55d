// Percentiles and medians.

/** The value below which that share of the sorted values lies (nearest rank). @param share 0..1 */
export function percentile(sorted: ArrayLike<number>, share: number): number {
  if (sorted.length === 0) throw new Error('there is no percentile of nothing');
  const rank = Math.ceil(share * sorted.length);
  return sorted[Math.max(0, Math.min(sorted.length, rank) - 1)] as number;
}

export function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle] as number;
  return (percentile(sorted, 0.5) + (sorted[middle] as number)) / 2;
}
