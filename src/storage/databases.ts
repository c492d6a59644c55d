// The databases of a data directory's one file.
//
// meta     'format' → magic and version (format.ts)
//          'drivers' → what the last commit says of them (ledger.ts)
// state    key → sealed value (envelope.ts): zones and other small state
// drivers  number of a block of slots → the block (native/src/journal.h)
// log      rising numbers → batches that were acknowledged before their drivers' blocks were stored (applied-log.ts)

export const DATA_FILE = 'raziel.mdb';

export const DATABASES = ['meta', 'state', 'drivers', 'log'] as const;
