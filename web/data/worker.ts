import { fetchMesh, serverUrl } from './client.ts';
import { browserClock, Connection } from './connection.ts';
import { PictureDesk, type WorkerRequest } from './mesh-worker.ts';
import { openEventStream } from './stream.ts';

// This runs in a web worker, because parsing a thousand reports would block drawing.
let base = '';
const desk = new PictureDesk((message, transfer) => {
  if (message.kind === 'reports') {
    postMessage(message, { transfer });
    return;
  }
  const receivedMs = message.state.receivedMs + performance.timeOrigin;
  postMessage({ ...message, state: { ...message.state, receivedMs } }, { transfer });
});
const connection = new Connection({
  clock: browserClock,
  openStream: (windowMs) => openEventStream(serverUrl('api/v1/stream', { window: String(windowMs) }, base)),
  fetchMesh: (windowMs, signal) => fetchMesh(windowMs, signal, base),
  onReport: (report, pods) => desk.report(report, pods),
});
desk.follow(connection);

addEventListener('message', ({ data }: MessageEvent<WorkerRequest>) => {
  if (data.kind === 'start') {
    base = data.base;
    connection.start(data.windowMs);
  } else if (data.kind === 'want') desk.want(data.options);
  else if (data.kind === 'try') connection.tryNow();
  else connection.stop();
});
