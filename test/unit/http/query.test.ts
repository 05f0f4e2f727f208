import { expect, it } from 'vitest';
import { jsonOf, serve } from './serve.ts';

/** A moment 10 s before now, by the clock of the stub. */
const FROM = 'from=1699999990000';
const asked = () => {
  throw new Error('asked for');
};

it.each<[path: string, message: string, ...queries: string[]]>([
  ['pod-report', 'fromAge in query: expected a whole number', 'toAge=5', 'of=uid-gone', 'fromAge=1.5', 'fromAge=-1'],
  ['pod-report', 'fromAge in query: expected a whole number from 1 to 86400000', 'fromAge=86400001'],
  ['pod-report', 'fromAge in query: expected more than toAge', 'fromAge=5&toAge=5'],
  ['pod-report', 'toAge in query: expected a whole number', 'fromAge=10&toAge=x'],
  ['pod-history', 'step in query: expected a whole number', 'fromAge=60000', 'fromAge=60000&step=0'],
  ['pod-history', 'step in query: expected at least', 'fromAge=60000&step=10'],
  ['pod-history', 'to in query: expected the uid of a pod', 'fromAge=60000&step=1000&to=a%20b'],
  ['samples', 'to in query: expected the uid of a pod', ''],
  ['link', 'to in query: expected the uid of a pod', 'from=a', 'from=a&to=..%00'],
  ['link-history', 'to in query: expected the uid of a pod', 'from=uid-a'],
  ['history', 'step in query: expected at least', 'step=1'],
  ['stream', 'window in query: expected 0 or 60000 or 300000', 'window=30000'],
  ['mesh', 'window in query: expected whole seconds up to 3600000', 'window=1500', 'window=7', 'window=3601000'],
  ['mesh', 'at in query: expected ms since the epoch or an RFC 3339 time', 'at=yesterday'],
  ['mesh', 'at in query: expected a moment of the last 24 hours', 'at=1'],
  ['mesh', 'at in query: expected one value', 'at=1700000000000&at=1700000000001'],
  ['mesh', 'from in query: expected, because to is given', 'to=1700000000000'],
  ['mesh', 'from in query: expected a moment before to and before now', `${FROM}&to=1699999989000`],
  ['mesh', 'from in query: expected a moment before to and before now', 'from=1700000001000&to=1700000002000'],
  ['rounds', 'within in query: expected a duration such as 300ms, 1.5s or 1m30s', 'within=30'],
  ['rounds', 'expected from <= to', 'from=2&to=1'],
  ['report', 'from in query: expected ms since the epoch', '', 'from=x'],
  ['report', 'from in query: expected a time at least one second', 'from=1700000000000', `${FROM}&to=1699999990500`],
  ['report', 'from in query: expected one value', `${FROM}&from=1`],
  ['report', 'to in query: expected a time within the last HISTORY_WINDOW', 'from=1&to=1699000000000'],
  ['report', 'to in query: expected ms since the epoch', `${FROM}&to=x`],
  ['report', 'before in query: expected FROM-TO', `${FROM}&before=5`],
  ['report', 'before in query: expected FROM-TO', `${FROM}&before=1699999990000-1699999980000`],
  ['report', 'after in query: expected FROM-TO', `${FROM}&after=1-2-3`],
  ['report', 'after in query: expected a range that does not', `${FROM}&after=1699999980000-1699999985000`],
  ['report', 'format in query: expected html or json', `${FROM}&format=pdf`],
  ['report', 'title in query: expected one value of at most 200', `${FROM}&title=${'x'.repeat(201)}`],
  ['comparison', 'from in query: expected ms since the epoch', 'from=x'],
  ['comparison', 'after in query: expected FROM-TO', `${FROM}&after=1-2-3`],
  ['verdict', 'window in query: expected a duration', 'window=30', 'window=0.5ms0', 'window='],
  ['verdict', 'window in query: expected one value', 'window=30s&window=40s'],
  ['verdict', 'window in query: expected from 1s to 3600s (HISTORY_WINDOW)', 'window=0s', 'window=61m'],
  ['verdict', 'window in query: expected either window or start and end, not both', 'window=30s&start=1'],
  ['verdict', 'start in query: expected ms since the epoch or an RFC 3339', 'end=1700000000000', 'start=yesterday'],
  ['verdict', 'end in query: expected ms since', 'start=1699999995000&end=now'],
  ['verdict', 'start in query: expected a time at least one second', 'start=1699999995000&end=1699999995500'],
  ['verdict', 'start in query: expected a time at least one second', 'start=1700000005000&end=1700000009000'],
  ['verdict', 'start in query: expected a time within the last HISTORY_WINDOW', 'start=1699996300000'],
])('/api/v1/%s answers 400, "%s", and asks nobody', async (path, message, ...queries) => {
  const { url } = await serve({
    collector: { collect: asked },
    pastMeshes: { of: asked, at: asked },
    histories: { history: asked },
    linkQuery: { samples: asked, history: asked },
    events: { events: asked },
    reporter: { report: asked, comparison: asked },
  });
  for (const query of queries) {
    const { status, body } = await jsonOf(await fetch(`${url}/api/v1/${path}?${query}`));
    expect([query, status, body.message?.slice(0, message.length)]).toEqual([query, 400, message]);
  }
});
