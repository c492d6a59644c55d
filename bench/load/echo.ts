// What the server is compared with: a bare uWebSockets.js app that answers every frame with the same bytes, as many as it is told on the
// command line, and prints its port as a JSON object.

import uWS from 'uWebSockets.js';

const reply = new Uint8Array(Number(process.argv[2]));
const EXCLUSIVE_PORT = 1;

const app = uWS.App().ws('/*', {
  compression: 0,
  maxPayloadLength: 16 * 1024 * 1024,
  maxBackpressure: 0,
  idleTimeout: 120,
  message: (ws) => {
    ws.send(reply, true);
  },
});
// The types lack this overload, which the addon has.
const listen = app.listen as unknown as (
  host: string,
  port: number,
  options: number,
  done: (socket: unknown) => void,
) => void;
listen.call(app, '127.0.0.1', 0, EXCLUSIVE_PORT, (socket) => {
  if (socket === false) throw new Error('the echo app cannot listen');
  console.log(JSON.stringify({ port: uWS.us_socket_local_port(socket as uWS.us_listen_socket) }));
});
