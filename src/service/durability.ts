// What `ack: "durable"` and /readyz say of the data directory.

import { RazielError } from '../errors.ts';
import type { StorageMeters } from '../metrics/storage-meters.ts';

export function notDurable(): RazielError {
  return new RazielError(
    'NOT_SUPPORTED',
    'ack "durable" needs a data directory, and this server keeps everything in memory',
    {
      field: 'ack',
    },
  );
}

/** What /readyz answers: a server whose disk is full is ready all the same, for everything but what is to be durable. */
export function readiness(storage: StorageMeters): { status: string; storage: string; message?: string } {
  const { state } = storage;
  if (state !== 'full') return { status: 'ready', storage: state };
  return {
    status: 'ready',
    storage: state,
    message: 'commits to the data directory fail; what is to be durable is refused',
  };
}
