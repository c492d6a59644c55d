// The OpenAPI document of the HTTP API, made from the table of operations.

import { OPERATIONS } from './operations.ts';

export function openApiDocument(): object {
  return {
    openapi: '3.1.0',
    info: { title: 'Raziel', version: '0' },
    paths: Object.fromEntries(OPERATIONS.flatMap((o) => (o.http ? [[o.http.path, {}]] : []))),
  };
}
