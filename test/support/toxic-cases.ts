import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'vitest';
import { dial, pattern, startUpstream } from './fault-proxy.ts';

/*
 * What each toxic does to a connection, as a table. `npm run test:integration` plays it with our fault proxy, and `npm run
 * test:toxiproxy` with the real Toxiproxy 2.1.4 and 2.12.
 */

/** A toxic as a client of the API describes it. */
interface Toxic {
  type: string;
  attributes: Record<string, number>;
  stream?: Stream;
  name?: string;
  toxicity?: number;
}
type Stream = 'upstream' | 'downstream';

/** How a connection ended for one side: after how many bytes, and how many ms after it was made. */
interface Ending {
  bytes: number;
  /** `open`: it had not ended when the case was over. */
  how: 'end' | 'ECONNRESET' | 'open';
  ms: number;
}

/** What happens to the connection, one after another. */
type Step = (stage: Stage) => unknown;

/** What a step can use. */
interface Stage {
  client: Socket;
  server: Socket;
  /** Adds a toxic. */
  add(toxic: Toxic): Promise<void>;
  /** Changes the toxic `t`. */
  change(body: object): Promise<void>;
  /** Removes the toxic `t`. */
  remove(): Promise<void>;
}

type Endings = Record<'client' | 'server', Ending>;

/** A connection through toxics: what happens, and how it ends for both sides. */
export interface Case {
  name: string;
  /** They are there before the connection is. */
  toxics: Toxic[];
  steps: Step[];
  client: Ending;
  server: Ending;
  /** How it ends with the real Toxiproxy, if otherwise. */
  real?: Partial<Endings>;
}

function wait(ms: number): Step {
  return () => pause(ms);
}
function send(bytes: number): Step {
  return ({ server }) => server.write(pattern(bytes));
}
function end(bytes = 0, side: 'client' | 'server' = 'server'): Step {
  return (stage) => stage[side].end(pattern(bytes));
}
function add(toxic: Toxic): Step {
  return (stage) => stage.add(toxic);
}
function change(body: object): Step {
  return (stage) => stage.change(body);
}
const remove: Step = (stage) => stage.remove();

const ended = (ms: number, bytes = 0): Ending => ({ bytes, how: 'end', ms });
const wasReset = (ms: number, bytes = 0): Ending => ({ bytes, how: 'ECONNRESET', ms });
const stayedOpen = (bytes = 0): Ending => ({ bytes, how: 'open', ms: 0 });
/** It ends so for both sides, for the client after this many bytes. */
const both = (ending: Ending, bytes = 0) => ({ client: { ...ending, bytes }, server: ending });

/** A toxic, and what becomes of 200 bytes and the end of their source: the ms until the sink sees the end. */
const CLOSINGS: { type: string; attributes: Toxic['attributes']; passes: number; endMs: number; idleEndMs?: number }[] =
  [
    { type: 'noop', attributes: {}, passes: 200, endMs: 0 },
    { type: 'latency', attributes: { latency: 200 }, passes: 200, endMs: 200 },
    { type: 'bandwidth', attributes: { rate: 1 }, passes: 200, endMs: 200 },
    { type: 'slow_close', attributes: { delay: 200 }, passes: 200, endMs: 200, idleEndMs: 200 },
    { type: 'timeout', attributes: { timeout: 400 }, passes: 0, endMs: 0 },
    { type: 'timeout', attributes: { timeout: 0 }, passes: 0, endMs: 0 },
    { type: 'reset_peer', attributes: { timeout: 200 }, passes: 0, endMs: 200, idleEndMs: 200 },
    { type: 'slicer', attributes: { average_size: 60, size_variation: 10, delay: 50_000 }, passes: 200, endMs: 200 },
    { type: 'limit_data', attributes: { bytes: 50 }, passes: 50, endMs: 0 },
    { type: 'limit_data', attributes: { bytes: 1000 }, passes: 200, endMs: 0 },
  ];

/** Either side closes first, with each toxic on each stream. */
const CLOSING_CASES: Case[] = CLOSINGS.flatMap(({ type, attributes, passes, endMs, idleEndMs = 0 }) =>
  (['upstream', 'downstream'] as const).flatMap((stream): Case[] => {
    const [source, sink] = stream === 'upstream' ? (['client', 'server'] as const) : (['server', 'client'] as const);
    const toxics = [{ type, attributes, stream }];
    const ends = type === 'reset_peer' ? wasReset : ended;
    const what = `${type} ${Object.values(attributes).join(' ')} ${stream}`;
    return [
      {
        name: `${what}: its source sends 200 bytes and closes`,
        toxics,
        steps: [end(200, source)],
        ...({ [source]: ends(endMs), [sink]: ends(endMs, passes) } as Endings),
      },
      {
        name: `${what}: its sink closes`,
        toxics,
        steps: [end(0, sink)],
        ...({ [source]: ended(0), [sink]: ends(idleEndMs) } as Endings),
        // It resets every connection while a reset_peer exists, also where that has not had its turn.
        ...(type === 'reset_peer' ? { real: { [source]: wasReset(0) } } : {}),
      },
    ];
  }),
);

const t = (type: string, attributes: Record<string, number>, more: Partial<Toxic> = {}): Toxic => ({
  type,
  attributes,
  name: 't',
  ...more,
});

/** The toxics by themselves, changed and removed while the connection is open. Data come from the server. */
const LIVE_CASES: Case[] = [
  {
    name: 'timeout counts anew from each piece that it drops',
    toxics: [t('timeout', { timeout: 200 })],
    steps: [send(4), wait(150), send(9)],
    ...both(ended(350)),
  },
  {
    name: 'timeout that is removed ends the connection, because bytes may be missing',
    toxics: [t('timeout', { timeout: 0 })],
    steps: [wait(100), remove],
    ...both(ended(100)),
  },
  {
    name: 'timeout that is removed ends connections, too, that it did not affect',
    toxics: [t('timeout', { timeout: 0 }, { toxicity: 0 })],
    steps: [send(200), wait(100), remove],
    ...both(ended(100), 200),
  },
  {
    name: 'timeout that is changed counts anew',
    toxics: [t('timeout', { timeout: 0 })],
    steps: [wait(100), change({ attributes: { timeout: 100 } })],
    ...both(ended(200)),
  },
  {
    name: 'timeout that is added later',
    toxics: [],
    steps: [send(200), wait(100), add(t('timeout', { timeout: 100 }))],
    ...both(ended(200), 200),
  },
  {
    name: 'latency that is changed lets go of the piece that it holds',
    toxics: [t('latency', { latency: 60_000 })],
    steps: [end(200), wait(100), change({ attributes: { latency: 60_000 } })],
    ...both(ended(100), 200),
  },
  {
    name: 'latency that is removed lets go of all pieces',
    toxics: [t('latency', { latency: 60_000 })],
    steps: [send(50), wait(40), send(150), wait(40), remove, end()],
    ...both(ended(80), 200),
  },
  {
    name: 'latency of toxicity 0 does not affect the connection',
    toxics: [t('latency', { latency: 60_000 }, { toxicity: 0 })],
    steps: [end(200)],
    ...both(ended(0), 200),
  },
  {
    name: 'latency is over when its toxicity is changed to 0',
    toxics: [t('latency', { latency: 60_000 })],
    steps: [change({ toxicity: 0 }), end(200)],
    ...both(ended(0), 200),
  },
  {
    name: 'two latencies add up',
    toxics: [t('latency', { latency: 100 }), t('latency', { latency: 100 }, { name: 'u' })],
    steps: [end(200)],
    ...both(ended(200), 200),
  },
  {
    name: 'latency after a bandwidth counts from when the data came',
    toxics: [t('bandwidth', { rate: 1 }), t('latency', { latency: 150 }, { name: 'u' })],
    steps: [end(200)],
    ...both(ended(200), 200),
  },
  {
    name: 'bandwidth 0 passes nothing',
    toxics: [t('bandwidth', { rate: 0 })],
    steps: [send(200)],
    ...both(stayedOpen()),
  },
  {
    name: 'bandwidth that is removed lets go of everything',
    toxics: [t('bandwidth', { rate: 1 })],
    steps: [end(20_000), wait(50), remove],
    ...both(ended(50), 20_000),
  },
  {
    name: 'slow_close that is removed closes at once',
    toxics: [t('slow_close', { delay: 60_000 })],
    steps: [end(200), wait(100), remove],
    ...both(ended(100), 200),
  },
  {
    name: 'slow_close that is changed counts anew',
    toxics: [t('slow_close', { delay: 60_000 })],
    steps: [end(200), wait(100), change({ attributes: { delay: 100 } })],
    ...both(ended(200), 200),
  },
  {
    name: 'limit_data ends the connection with its last byte',
    toxics: [t('limit_data', { bytes: 200 })],
    steps: [send(200)],
    ...both(ended(0), 200),
  },
  {
    name: 'limit_data counts on when it is changed, and ends with the next piece',
    toxics: [t('limit_data', { bytes: 1000 })],
    steps: [send(60), wait(100), change({ attributes: { bytes: 50 } }), wait(100), send(60)],
    ...both(ended(200), 60),
  },
  {
    name: 'limit_data 0 waits for a byte, and ends with it',
    toxics: [t('limit_data', { bytes: 0 })],
    steps: [wait(100), send(1)],
    ...both(ended(100)),
  },
  // Halves of halves of halves: 8 slices of 33 to 67 bytes, and a delay after each.
  {
    name: 'slicer makes slices of the average and the variation at most',
    toxics: [t('slicer', { average_size: 60, size_variation: 10, delay: 50_000 })],
    steps: [end(400)],
    ...both(ended(400), 400),
  },
  {
    name: 'reset_peer waits for the first byte',
    toxics: [t('reset_peer', { timeout: 100 })],
    steps: [wait(100), send(1)],
    ...both(wasReset(200)),
  },
  {
    name: 'reset_peer that is removed too late resets all the same',
    toxics: [t('reset_peer', { timeout: 200 })],
    steps: [send(1), wait(50), remove],
    ...both(wasReset(200)),
  },
  // The real one prepares only new connections for a reset.
  {
    name: 'reset_peer of an open connection',
    toxics: [],
    steps: [add(t('reset_peer', { timeout: 100 })), send(1)],
    ...both(wasReset(100)),
    real: both(ended(100)),
  },
  {
    name: 'reset_peer of toxicity 0 does not affect the connection',
    toxics: [t('reset_peer', { timeout: 0 }, { toxicity: 0 })],
    steps: [wait(50), end()],
    ...both(ended(50)),
    real: both(wasReset(50)),
  },
];

export const CASES: Case[] = [...CLOSING_CASES, ...LIVE_CASES];

/** Plays a case with the Toxiproxy whose API is at `apiUrl`, and checks how the connection ended. */
export async function play(apiUrl: string, { toxics, steps, client, server }: Case): Promise<void> {
  const call = async (method: string, path: string, body?: object) => {
    const answer = await fetch(
      `${apiUrl}${path}`,
      body === undefined ? { method } : { method, body: JSON.stringify(body) },
    );
    expect(answer.status).toBeLessThan(300);
    return answer;
  };
  const add = async (toxic: Toxic) => void (await call('POST', '/proxies/case/toxics', toxic));
  let onServer = (_: Socket) => {};
  const accepted = new Promise<Socket>((resolve) => {
    onServer = resolve;
  });
  const upstream = await startUpstream((socket) => onServer(socket));
  const sockets: Socket[] = [];
  try {
    const made = await call('POST', '/proxies', { name: 'case', listen: '127.0.0.1:0', upstream: upstream.address });
    for (const toxic of toxics) await add(toxic);
    const dialled = await dial(((await made.json()) as { listen: string }).listen);
    dialled.on('error', () => {});
    sockets.push(dialled, await accepted);
    const stage: Stage = {
      client: dialled,
      server: await accepted,
      add,
      change: async (body) => void (await call('POST', '/proxies/case/toxics/t', body)),
      remove: async () => void (await call('DELETE', '/proxies/case/toxics/t')),
    };
    const deadlineMs = 300 + Math.max(client.ms, server.ms);
    const seen = Promise.all([endingOf(stage.client, deadlineMs), endingOf(stage.server, deadlineMs)]);
    for (const step of steps) await step(stage);
    const [atClient, atServer] = await seen;
    expect({ client: atClient, server: atServer }).toEqual({ client: around(client), server: around(server) });
  } finally {
    for (const socket of sockets) socket.destroy();
    upstream.server.close();
    await call('DELETE', '/proxies/case');
  }
}

async function endingOf(socket: Socket, deadlineMs: number): Promise<Ending> {
  const startMs = performance.now();
  const ending: Ending = { bytes: 0, how: 'open', ms: 0 };
  socket.on('data', (data) => {
    ending.bytes += data.length;
  });
  const over = new AbortController();
  const options = { signal: over.signal };
  await Promise.race([
    once(socket, 'end', options).then(() => {
      ending.how = 'end';
    }),
    once(socket, 'close', options).then(() => {
      ending.how = 'ECONNRESET';
    }),
    pause(deadlineMs, undefined, options),
  ]).catch(() => {
    ending.how = 'ECONNRESET';
  });
  over.abort();
  if (ending.how !== 'open') ending.ms = performance.now() - startMs;
  return ending;
}

function around({ bytes, how, ms }: Ending) {
  return { bytes, how, ms: how === 'open' ? 0 : expect.toSatisfy((took: number) => took > ms - 10 && took < ms + 80) };
}
