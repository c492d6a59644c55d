// What /metrics says of the data directory.

import type { Registry } from 'prom-client';
import { nowMs } from '../clock.ts';
import { counter, gauge, histogram } from './families.ts';
import { COMMIT_SECONDS, STORAGE_STATES, type StorageMeters, type StorageSingle } from './storage-meters.ts';

export function registerStorage(registry: Registry, storage: StorageMeters): void {
  const state = 'raziel_storage_state';
  gauge(registry, state, 'What becomes of what is to be stored; 1 for the state that holds.', ['state'], (metric) => {
    for (const name of STORAGE_STATES) metric.set({ state: name }, storage.state === name ? 1 : 0);
  });
  gauge(
    registry,
    'raziel_storage_lag_seconds',
    'How old the oldest change may be that is not on disk.',
    [],
    (metric) => {
      const since = storage.single('behindSinceMs');
      metric.set(since === 0 ? 0 : Math.max(0, nowMs() - since) / 1000);
    },
  );
  const gauges: readonly (readonly [string, string, StorageSingle])[] = [
    ['raziel_storage_file_bytes', 'Size of the file in the data directory.', 'fileBytes'],
    ['raziel_storage_load_seconds', 'How long loading the stored drivers took at the start.', 'loadSeconds'],
  ];
  for (const [name, help, single] of gauges)
    gauge(registry, name, help, [], (metric) => metric.set(storage.single(single)));
  const counts: readonly (readonly [string, string, StorageSingle])[] = [
    ['raziel_storage_blocks_written_total', 'Blocks of up to 32 drivers that were written.', 'blocks'],
    ['raziel_storage_changes_written_total', 'Changes of zones and other small state that were written.', 'changes'],
    ['raziel_storage_commit_failures_total', 'Commits that failed.', 'failures'],
  ];
  for (const [name, help, single] of counts) {
    counter(registry, name, help, [], (metric) => metric.inc(storage.single(single)));
  }
  counter(
    registry,
    'raziel_storage_loaded_drivers_total',
    'Drivers stored before the start, by outcome.',
    ['outcome'],
    (metric) => {
      metric.inc({ outcome: 'restored' }, storage.single('loadedDrivers'));
      metric.inc({ outcome: 'expired' }, storage.single('expiredDrivers'));
      metric.inc({ outcome: 'damaged' }, storage.single('damagedDrivers'));
      metric.inc({ outcome: 'refused' }, storage.single('refusedDrivers'));
    },
  );
  const commits = 'raziel_storage_commit_seconds';
  registry.registerMetric(
    histogram(commits, 'Time of commits, synced to disk.', COMMIT_SECONDS, () => [
      { labels: {}, buckets: storage.buckets(), sum: storage.single('commitSeconds') },
    ]),
  );
}
