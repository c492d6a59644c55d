// The public client, `raziel/client`.

export type { BackoffOptions } from './backoff.ts';
export { type ClientOptions, type ClientStats, connect, type RazielClient, type RequestOptions } from './client.ts';
export type { ClientEvents } from './connection.ts';
export { type ClientCode, RazielClientError } from './errors.ts';
export type * from './types.ts';
