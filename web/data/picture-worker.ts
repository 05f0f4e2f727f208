import { browserClock } from './browser-clock.ts';
import { Connection } from './connection.ts';
import { openEventStream } from './event-stream.ts';
import { type Order, PictureDesk } from './picture-desk.ts';
import { fetchMesh, serverUrl } from './requests.ts';

// A worker of its own: what a thousand reports take to read must not keep the page from drawing.
let base = '';
const desk = new PictureDesk((report, transfer) => {
  if (report.kind === 'reports') {
    postMessage(report, { transfer });
    return;
  }
  const receivedMs = report.state.receivedMs + performance.timeOrigin;
  postMessage({ ...report, state: { ...report.state, receivedMs } }, { transfer });
});
const connection = new Connection({
  clock: browserClock,
  openStream: (windowMs) => openEventStream(serverUrl('api/v1/stream', { window: String(windowMs) }, base)),
  fetchMesh: (windowMs, signal) => fetchMesh(windowMs, signal, base),
  onReport: (report, pods) => desk.report(report, pods),
});
desk.follow(connection);

addEventListener('message', ({ data }: MessageEvent<Order>) => {
  if (data.kind === 'start') {
    base = data.base;
    connection.start(data.windowMs);
  } else if (data.kind === 'want') desk.want(data.options);
  else if (data.kind === 'try') connection.tryNow();
  else connection.stop();
});
