import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CHAOS, Experiment, linksInto, linksOf, MANIFEST } from '../experiment.ts';
import { soon } from './server-process.ts';

let experiment: Experiment;
beforeAll(async () => {
  experiment = await Experiment.start();
  await soon(async () => expect(await experiment.health()).toBe(200));
});
afterAll(() => experiment?.stop());

const isChaos = (pod: string) => pod === CHAOS;
/** The matrix as the chaos pod has it, asked behind its proxy: nobody else gets its row while that refuses. */
const meshBehind = () => experiment.mesh(`http://${experiment.pod(CHAOS).ip}:9090`);
/** Waits until all four links into the chaos pod have that outcome, the twelve others being ok. */
const untilInto = (outcome: string) =>
  soon(async () => {
    const { into, others } = linksInto(await (outcome === 'refused' ? meshBehind() : experiment.mesh()), isChaos);
    expect(into.map((link) => link.outcome)).toEqual([outcome, outcome, outcome, outcome]);
    expect(others.map((link) => link.outcome)).toEqual(Array(12).fill('ok'));
    return into;
  });

describe('experiment 2, by the chapter’s commands', () => {
  it('1. applied, no proxy yet: everybody is refused by the new pod, itself included; it reaches the others', async () => {
    expect(await experiment.command('apply', '-f', MANIFEST)).toBe(`pod/${CHAOS} created\nservice/${CHAOS} created\n`);
    expect(await experiment.command('apply', '-f', MANIFEST)).toBe(
      `pod/${CHAOS} unchanged\nservice/${CHAOS} unchanged\n`,
    );
    const into = await untilInto('refused');
    expect(into.every(({ phase }) => phase === 'connect')).toBe(true);
    expect(await experiment.health()).toBe(418);
    const seen = await experiment.mesh();
    const row = seen.rows.find(({ pod }) => seen.pods[pod]?.name === CHAOS);
    expect(row?.missing).toBe('refused');
    expect(linksInto(seen, isChaos).into.map(({ outcome }) => outcome)).toEqual(Array(3).fill('refused'));
    expect(await experiment.command('get', 'pods')).toMatch(new RegExp(`${CHAOS} +2/2 +Running`));
  });

  it('2. the API is where its Service says, and lists no proxies', async () => {
    const url = (await experiment.command('service', '--url', CHAOS)).trim();
    expect(url).toMatch(/^http:\/\/127\.\d+\.\d+\.\d+:8474$/);
    expect(await (await fetch(`${url}/version`)).text()).toBe('2.1.4');
    expect(await experiment.command('toxic', 'list')).toBe('');
  });

  it('3. the proxy is made: all green', async () => {
    const made = await experiment.command('toxic', 'create', 'chaos', '-l', '0.0.0.0:8080', '-u', 'localhost:9090');
    expect(made).toBe('Created new proxy chaos\n');
    expect(await experiment.command('toxic', 'list')).toBe('chaos\t[::]:8080\tlocalhost:9090\tenabled\t0\n');
    await untilInto('ok');
    await soon(async () => expect(await experiment.health()).toBe(200));
  });

  it('4. 250 ms: all four stay healthy, the row is slow, its own link too; the delay is in the first byte', async () => {
    const added = await experiment.command(
      ...['toxic', 'add', '--type', 'latency', '--a', 'latency=250', '--upstream', 'chaos'],
    );
    expect(added).toBe("Added upstream latency toxic 'latency_upstream' on proxy 'chaos'\n");
    await soon(async () => {
      const { into, others } = linksInto(await experiment.mesh(), isChaos);
      expect(into).toHaveLength(4);
      for (const { outcome, connectMs, firstByteMs, totalMs } of into) {
        expect(outcome).toBe('ok');
        expect(totalMs).toBeGreaterThan(249);
        expect(totalMs).toBeLessThan(300);
        expect(connectMs).toBeLessThan(20);
        expect(firstByteMs).toBeGreaterThan(200);
      }
      for (const { outcome, totalMs } of others) {
        expect(outcome).toBe('ok');
        expect(totalMs).toBeLessThan(100);
      }
      expect(await experiment.health()).toBe(200);
    });
    expect(await experiment.command('toxic', 'inspect', 'chaos')).toBe(
      'latency_upstream\ttype=latency\tstream=upstream\ttoxicity=1.00\tattributes=[\tjitter=0\tlatency=250\t]\n',
    );
  });

  it('5. 350 ms: links into it fail by timeout, waiting for the first byte', async () => {
    const update = ['toxic', 'update', '-n', 'latency_upstream', '-a', 'latency=350', 'chaos'];
    expect(await experiment.command(...update)).toBe("Updated toxic 'latency_upstream' on proxy 'chaos'\n");
    const into = await untilInto('timeout');
    expect(into.every(({ phase }) => phase === 'first-byte')).toBe(true);
  });

  it('6. disabled: refused; toxic removed and enabled again: all green', async () => {
    expect(await experiment.command('toxic', 'toggle', 'chaos')).toBe('Proxy chaos is now disabled\n');
    await untilInto('refused');
    const remove = ['toxic', 'remove', '-n', 'latency_upstream', 'chaos'];
    expect(await experiment.command(...remove)).toBe("Removed toxic 'latency_upstream' on proxy 'chaos'\n");
    expect(await experiment.command('toxic', 'toggle', 'chaos')).toBe('Proxy chaos is now enabled\n');
    await untilInto('ok');
  });

  it('7. deleted: gone with the time, all green, no address kept', async () => {
    await experiment.command('delete', '-f', MANIFEST, '--force');
    await soon(async () => {
      const mesh = await experiment.mesh();
      expect(mesh.pods.find(({ name }) => name === CHAOS)?.lifecycle).toBe('gone');
      expect([...linksOf(mesh).values()].map(({ outcome }) => outcome)).toEqual(Array(9).fill('ok'));
      expect(await experiment.health()).toBe(200);
    });
    await expect(experiment.command('service', '--url', CHAOS)).rejects.toThrow('not found');
  });
});

describe('experiment 2b, as PowerfulSeal does it', () => {
  it('the clones’ rows are slow, their links to themselves are not', async () => {
    const { cluster } = experiment;
    await experiment.command('apply', '-f', 'test/fixtures/powerfulseal-clone.yml');
    const clones = (pod: string) => pod.startsWith('goldpinger-chaos-');
    await soon(async () => {
      const links = linksOf(await experiment.mesh());
      expect(links.size).toBe(25);
      for (const [pair, { outcome, totalMs, connectMs }] of links) {
        const [from = '', to = ''] = pair.split('>');
        expect([pair, outcome]).toEqual([pair, 'ok']);
        const isSlow = clones(to) && from !== to;
        if (isSlow) expect([pair, totalMs > 249, connectMs < 20]).toEqual([pair, true, true]);
        else expect([pair, totalMs < 100]).toEqual([pair, true]);
      }
      expect(await experiment.health()).toBe(200);
    }, 30_000);
    // The same as a hypothesis, by the label that the clones carry: slow for others, fast for themselves, and healthy.
    const clauses = ['latency>=200ms,to=label:chaos=true,self=exclude', 'latency<100ms,to=label:chaos=true,self=only'];
    const query = ['window=4s', ...[...clauses, 'healthy'].map((clause) => `expect=${encodeURIComponent(clause)}`)];
    await soon(async () => {
      const answer = await fetch(`http://${experiment.witness.ip}:8080/api/v1/verdict?${query.join('&')}`);
      expect(await answer.json()).toMatchObject({ verdict: 'pass', clauses: ['pass', 'pass', 'pass'] });
    }, 45_000);
    await experiment.command('delete', 'deployment', CHAOS, '--force');
    await soon(() => expect(cluster.pods()).toHaveLength(3));
    await soon(async () => expect(await experiment.health()).toBe(200));
  }, 120_000);
});

it('an image that this machine cannot run waits, and says why', async () => {
  await experiment.command('apply', '-f', 'test/fixtures/unknown-image.yml');
  await soon(async () => expect(await experiment.command('get', 'pods', 'strange')).toContain('ImagePullBackOff'));
  const pod = JSON.parse(await experiment.command('get', 'pods', 'strange', '-o', 'json'));
  expect(JSON.stringify(pod)).toContain('this machine runs no images, only goldpinger-ts');
  await experiment.command('delete', 'pod', 'strange', '--force');
});
