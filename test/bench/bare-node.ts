/**
 * The least program on Node that does what a pod of the mesh does: it answers pings, and pings all others once an interval,
 * spread evenly. `node:net` on both sides, prebuilt bytes, no check of anything, nothing kept but a sum. What it costs is
 * what Node costs; no monitor on Node can be cheaper. With FRESH_CONNECTION_INTERVAL=0s each ping opens a connection.
 *
 * It answers `/check` and `/metrics` as far as the bench reads them. It is a text, so that it runs without the rest of
 * the bench in its memory.
 */
export const BARE_NODE_SCRIPT = `
const { connect, createServer } = require('node:net');
const { HOST, PORT, PEERS, REFRESH_INTERVAL, FRESH_CONNECTION_INTERVAL } = process.env;
const peers = PEERS === '' ? [] : PEERS.split(',');
const isFresh = FRESH_CONNECTION_INTERVAL === '0s';
const kept = new Map(), answered = new Set();
let count = 0, sum = 0;
const http = (body, connection) =>
  'HTTP/1.1 200 OK\\r\\nContent-Length: ' + body.length + '\\r\\nConnection: ' + connection + '\\r\\n\\r\\n' + body;
const ANSWER = Buffer.from(http('{"boot_time":"2026-01-01T00:00:00.000Z"}', isFresh ? 'close' : 'keep-alive'));
createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => socket.destroy());
  socket.on('data', (bytes) => {
    const path = bytes.toString('latin1', 4, bytes.indexOf(32, 4));
    if (path === '/ping') return isFresh ? socket.end(ANSWER) : socket.write(ANSWER);
    if (path === '/check') {
      const results = Array.from(answered, (peer) => [peer, { OK: true }]);
      return socket.end(http(JSON.stringify({ podResults: Object.fromEntries(results) }), 'close'));
    }
    const name = 'goldpinger_peers_response_time_s_', labels = '{call_type="ping"} ';
    socket.end(http(name + 'sum' + labels + sum / 1000 + '\\n' + name + 'count' + labels + count + '\\n', 'close'));
  });
}).listen(Number(PORT), HOST);
const buffer = Buffer.allocUnsafe(2048);
function open(peer) {
  const link = { socket: null, start: 0 };
  link.socket = connect({
    host: peer, port: Number(PORT), noDelay: true,
    onread: { buffer, callback() {
      count++;
      sum += performance.now() - link.start;
      answered.add(peer);
      if (isFresh) link.socket.destroy();
      return true;
    } },
  });
  link.socket.on('connectionAttempt', () => { link.start = performance.now(); });
  link.socket.on('connect', () => link.socket.write(REQUESTS.get(peer), 'latin1'));
  link.socket.on('error', () => kept.delete(peer));
  link.socket.on('close', () => kept.delete(peer));
  return link;
}
const REQUESTS = new Map(peers.map((peer) => [peer, 'GET /ping HTTP/1.1\\r\\nHost: ' + peer + '\\r\\n\\r\\n']));
function ping(peer) {
  const link = kept.get(peer);
  if (link !== undefined) {
    link.start = performance.now();
    link.socket.write(REQUESTS.get(peer), 'latin1');
  } else {
    const opened = open(peer);
    if (!isFresh) kept.set(peer, opened);
  }
}
const intervalMs = Number(REFRESH_INTERVAL) * 1000;
let next = Math.floor(Math.random() * peers.length), due = performance.now();
function turn() {
  ping(peers[next]);
  next = (next + 1) % peers.length;
  due = Math.max(due + intervalMs / peers.length, performance.now());
  setTimeout(turn, due - performance.now());
}
if (peers.length > 0) turn();
`;
