import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { csvField, csvOf } from '../../../../web/model/link-csv.ts';
import { pictureOf } from '../pictures.ts';

/** Reads CSV as RFC 4180 has it. */
function read(text: string): string[][] {
  const rows: string[][] = [[]];
  for (let i = 0; i < text.length; ) {
    let field = '';
    if (text[i] === '"') {
      for (i++; i < text.length; i++) {
        if (text[i] !== '"') field += text[i];
        else if (text[i + 1] === '"') {
          field += '"';
          i++;
        } else break;
      }
      i++;
    } else while (i < text.length && text[i] !== ',' && text[i] !== '\r') field += text[i++];
    rows.at(-1)!.push(field);
    if (text[i] === '\r') {
      rows.push([]);
      i++;
    }
    i++;
  }
  return rows.filter((row) => row.length > 0);
}

describe('a field', () => {
  test('is never run as a formula, however it is dressed', () => {
    for (const formula of ['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', '  =1', '＝1', '|cmd', '%0A']) {
      expect(csvField(formula).replace(/^"/, '')).toMatch(/^'/);
    }
    expect(csvField('goldpinger-001')).toBe('goldpinger-001');
  });

  test('comes back as it went in, but for controls and the apostrophe', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
        const fields = read(`${csvField(text)},end\r\n`)[0]!;
        expect(fields).toHaveLength(2);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: what the field is cleaned of
        const flat = text.replace(/[\u0000-\u001f\u007f]+/g, ' ');
        expect([flat, `'${flat}`]).toContain(fields[0]);
      }),
    );
  });
});

test('every pair has a line, with the figures of the link', () => {
  const picture = pictureOf({ pods: 4, scenario: 'slow-pod', windowMs: 60_000 });
  const [head, ...lines] = read([...csvOf(picture)].join(''));
  expect(lines).toHaveLength(16);
  const at = (name: string) => head!.indexOf(name);
  const slow = lines.filter((line) => line[at('state')] === 'slow');
  expect(slow.map((line) => line[at('to_pod')])).toEqual(new Array(4).fill('goldpinger-chaos'));
  expect(Number(slow[0]![at('total_ms')])).toBeGreaterThan(250);
  expect(Number(slow[0]![at('p50_ms')])).toBeGreaterThan(0);
  expect([at('success_percent'), at('loss_percent')].map((column) => slow[0]![column])).toEqual(['100', '']);
  expect(Number(slow[0]![at('jitter_ms')])).toBeGreaterThan(0);
  const [p50, usual] = [at('p50_ms'), at('usual_ms')].map((column) => Number(slow[0]![column]));
  expect(Number(slow[0]![at('times_usual')])).toBeCloseTo(p50! / usual!, 1);
  expect(Number(slow[0]![at('times_usual')])).toBeGreaterThan(100);
  expect(slow[0]![at('since')]).toMatch(/^\d{4}-\d\d-\d\dT/);
  expect(new Set(lines.map((line) => line.length))).toEqual(new Set([head!.length]));
});

test('hostile names and errors stay in their fields', () => {
  const picture = pictureOf({ pods: 6, scenario: 'hostile' });
  const rows = read([...csvOf(picture)].join(''));
  expect(rows).toHaveLength(37);
  expect(rows.every((row) => row.length === 30)).toBe(true);
});

test('a line has the datagrams of the UDP probe where they are measured', () => {
  const rowsOf = (scenario: 'lossy' | 'healthy') =>
    read([...csvOf(pictureOf({ pods: 4, scenario, windowMs: 60_000 }))].join(''));
  const columns = ['datagrams', 'datagrams_lost', 'loss_percent', 'hops'];
  const [head, ...lines] = rowsOf('lossy');
  expect(columns.map((name) => lines[3]![head!.indexOf(name)])).toEqual(['300', '60', '20', '2']);
  expect(Number(lines[3]![head!.indexOf('udp_rtt_ms')])).toBeGreaterThan(0);
  const healthy = rowsOf('healthy')[4]!;
  expect(columns.map((name) => healthy[head!.indexOf(name)])).toEqual(['', '', '', '']);
});
