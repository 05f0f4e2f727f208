import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { isBrowserKey, KEYS, type KeyPress, shortcutOf } from '../../../../web/components/keys.ts';

const press = (key: string, held: Partial<KeyPress> = {}): KeyPress => ({
  key,
  ctrlKey: false,
  altKey: false,
  metaKey: false,
  ...held,
});

test.each([
  ['page', '1', 'graph'],
  ['page', '2', 'heatmap'],
  ['page', '3', 'raw'],
  ['page', '4', 'metrics'],
  ['page', '/', 'filter'],
  ['page', 't', 'table'],
  ['page', 'T', 'table'],
  ['page', 'n', 'now'],
  ['page', '?', 'help'],
  ['page', 'Escape', 'close'],
  ['page', '5', null],
  ['page', '', null],
  ['page', '12', null],
  ['page', 'Enter', null],
  ['page', 'f', null],
  ['page', 'constructor', null],
  ['map', 'f', 'nextFailed'],
  ['heatmap', ']', 'nextOrder'],
  ['graph', '=', 'zoomIn'],
] as const)('on the %s, %s is %j', (where, key, shortcut) => {
  expect(shortcutOf(where, press(key), false, true)).toBe(shortcut);
});

test('single characters are silent while typing and where switched off; Esc never is', () => {
  for (const key of ['1', '/', 't', 'n', '?']) {
    expect(shortcutOf('page', press(key), true, true)).toBeNull();
    expect(shortcutOf('page', press(key), false, false)).toBeNull();
  }
  expect(shortcutOf('page', press('Escape'), true, false)).toBe('close');
});

test('what is held with Ctrl, Alt or Meta belongs to the browser', () => {
  expect(shortcutOf('page', press('1', { ctrlKey: true }), false, true)).toBeNull();
  expect(shortcutOf('page', press('t', { metaKey: true }), false, true)).toBeNull();
  expect(shortcutOf('page', press('n', { altKey: true }), false, true)).toBeNull();
  const held = [{}, { ctrlKey: true }, { altKey: true }, { metaKey: true }];
  expect(held.map((keys) => isBrowserKey(press('ArrowLeft', keys)))).toEqual([false, false, true, true]);
});

/** Where the code compares `KeyboardEvent.key`. The space bar is left out, because a space is in many texts. */
const FOCUS_KEYS = /\b(Arrow(Left|Right|Up|Down)|Page(Up|Down)|Home|End|Enter|Delete|Insert|Backspace|Tab)\b(?=[':])/g;

test('Help lists all keys of focused elements that the code handles, and no others', () => {
  const files = readdirSync('web', { recursive: true, encoding: 'utf8' });
  const handled = files
    .filter((file) => /\.tsx?$/.test(file) && !file.endsWith('keys.ts'))
    .flatMap((file) => readFileSync(`web/${file}`, 'utf8').match(FOCUS_KEYS) ?? []);
  const listed = KEYS.flatMap((row) => (row.where === 'focus' ? row.keys : [])).filter((key) => key !== ' ');
  expect([...new Set(handled)].sort()).toEqual([...listed].sort());
});
